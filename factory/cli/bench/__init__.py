"""What `factory bench` measures, each beside the peer it is compared with. Nothing here is part of a run.

verbs · engine · engine_ours · engine_bare · rounds · wrapped_engine · overhead · resume · resume_output · creatives ·
creatives_workload · creatives_peers · creatives_pillow · creatives_chromium · backdrops · backdrops_bare · random_pipeline
· sample_job · processes · step_timer
"""
