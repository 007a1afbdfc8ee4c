"""A job in, a finished output out: planning, the phases, who drives, when to stop. Starts the pipeline and ends with `output`;
knows no engine and no picture.

planning · preview · state · remaining · driver · text_phase · images_phase · supervisor · stall_detector · stopping · lease
· lease_holder · progress · phase_timer · log_redirect · status
"""
