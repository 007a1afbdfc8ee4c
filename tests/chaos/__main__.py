"""The long campaign: `python -m tests.chaos --seeds 100 [--first 1] [--only KIND] [--pictures] [--list]`.

Prints a line for each seed and continues after a failure. The outputs of failed plans are kept, and the folder is named at the
end. Exit 1 if any plan failed.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import traceback
from itertools import islice
from pathlib import Path

from factory.storage.store import Store
from tests.chaos.campaign import Verdict, run_plan
from tests.chaos.lab import Lab, open_lab
from tests.chaos.plans import KINDS, Plan, add_pictures, iterate_plans


def main() -> int:
    """Run the plans that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many plans")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", choices=KINDS, default="", help="only plans with this fault")
    parser.add_argument("--pictures", action="store_true", help="the same plans for a job that makes pictures")
    parser.add_argument("--list", action="store_true", help="print the plans and run none")
    arguments = parser.parse_args()
    plans = list(islice(iterate_plans(arguments.first, arguments.only), arguments.seeds))
    if arguments.pictures:
        plans = [add_pictures(plan) for plan in plans]
    if arguments.list:
        for plan in plans:
            print(f"{plan.seed:>5} | {plan}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server and the job's processes are ended too
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    failed = []
    print(" seed | plan | faults struck | commands | seconds | made twice | verdict", flush=True)
    with open_lab(folder) as lab:
        for plan in plans:
            verdict = _try_plan(lab, plan)
            print(_describe(verdict), flush=True)
            if verdict.breaches:
                failed.append(verdict)
                _keep(folder / "failed" / f"seed-{plan.seed}", verdict)
            shutil.rmtree(folder / "outputs", ignore_errors=True)
    print(f"{len(plans)} plans, {len(failed)} failed" + (f"; kept: {folder / 'failed'}" if failed else ""), flush=True)
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


def _try_plan(lab: Lab, plan: Plan) -> Verdict:
    try:
        return run_plan(lab, plan)
    except Exception:  # a defect of the harness must not end a night's campaign
        return Verdict(plan, breaches=[f"the harness failed: {traceback.format_exc()}"])


def _keep(folder: Path, verdict: Verdict) -> None:
    """Save what one needs to understand a failure: the words of each command, and the output as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdict.txt").write_text(_describe(verdict) + "\n", encoding="utf-8")
    for number, trial in enumerate(verdict.trials, start=1):
        told = (
            f"code {trial.ended.code} after {trial.ended.seconds:.1f} s; struck by {', '.join(map(str, trial.struck))}"
        )
        words = "\n\n".join([told, "stderr:", trial.ended.err, "log:", trial.ended.log])
        (folder / f"command-{number}.txt").write_text(words, encoding="utf-8")
    if verdict.output:
        store = Store(verdict.output)
        for info in store.list():
            target = folder / "output" / info.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(store.read_bytes(info.path))


def _describe(verdict: Verdict) -> str:
    codes = ",".join(str(trial.ended.code) for trial in verdict.trials)
    cells = [f"{verdict.plan.seed:>5}", str(verdict.plan), f"{verdict.struck}/{len(verdict.plan.faults)}"]
    cells += [f"{len(verdict.trials)} ({codes})", f"{verdict.seconds:.0f}", str(verdict.doubled)]
    cells.append("; ".join([verdict.word, *verdict.breaches, verdict.skipped]).strip("; "))
    return " | ".join(cells)


if __name__ == "__main__":
    sys.exit(main())
