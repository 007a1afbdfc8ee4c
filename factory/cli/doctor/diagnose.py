"""`factory doctor`: looks at the machine that a run would start on. Every finding that is not ok says what to do."""

import os
from collections.abc import Callable, Sequence

from factory.cli.doctor import hardware, reach, software
from factory.cli.doctor.finding import Finding, Situation, hide_secrets

Check = Callable[[Situation], list[Finding]]
CHECKS: tuple[Check, ...] = (
    software.check_python,
    software.check_packages,
    hardware.check_processor,
    hardware.check_memory,
    hardware.check_gpu,
    software.check_engine,
    software.check_ray,
    software.check_models,
    reach.check_cache,
    reach.check_cluster,
    reach.check_s3_variables,
    reach.check_uri,
)


def run_checks(uri: str | None = None, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Run every check in order, and try to list `uri` where one is given.

    A check that breaks is a finding too, never an exception. Takes about as long as importing vLLM: 10 to 40 s.
    """
    from factory.engines.models.resolve import default_cache

    situation = Situation(os.environ, default_cache(), uri)
    return [hide_secrets(finding, situation.environ) for check in checks for finding in look(check, situation)]


def look(check: Check, situation: Situation) -> list[Finding]:
    """Run one check; what it raises becomes its finding."""
    try:
        return check(situation)
    except Exception as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return [Finding(name, "warn", f"could not look: {error!r}", "report this, with the line above")]
