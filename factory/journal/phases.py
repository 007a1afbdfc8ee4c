"""The names of the phases: each is a folder of segment files below an output, `segments/<phase>/`."""

FAILED_PHASE = "failed"
IMAGES_FAILED_PHASE = "images_failed"  # of creatives, by creative id

TEXT_PHASE = "text"  # segments of finished requests and refused rows
PLAN_PHASE = "plan"  # segments of splits: how many rows were read, and what they came to
IMAGES_PHASE = "images"  # segments of finished creatives
IMAGES_PLAN_PHASE = "images_plan"  # of text segment files: how many texts were read, and which creatives they came to
