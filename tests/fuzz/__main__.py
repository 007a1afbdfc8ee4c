"""`python -m tests.fuzz --examples 10000`: the long campaign. Prints what became of all, and ends with 1 when anything failed."""

import argparse
import sys
import time
from collections import Counter

from tests.fuzz.campaign import Campaign, keep, run_campaign


def main() -> int:
    """Run it and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="briefs, and answers, at the least")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other cases")
    parser.add_argument("--keep", action="store_true", help="write failing cases into tests/fuzz/corpus")
    options = parser.parse_args()
    began = time.monotonic()

    def tell(campaign: Campaign) -> None:
        counts = campaign.tally.counts
        line = f"{time.monotonic() - began:.0f} s: {counts['briefs']:,} briefs, {counts['answers']:,} answers"
        print(f"{line}, {len(campaign.failures)} kinds of failure", file=sys.stderr, flush=True)

    campaign = run_campaign(options.examples, options.examples, options.seed, tell)
    tally = campaign.tally
    for title, counts in (
        ("counts", tally.counts),
        ("briefs refused, by reason", tally.refusals),
        ("requests quarantined, by reason", tally.quarantined),
        ("candidates rejected, by rule", tally.rules),
    ):
        print(f"\n{title}\n{_list(counts)}")
    print(f"\nslowest case: {campaign.slowest[0]:.1f} s of CPU")
    for place, case in campaign.failures.items():
        print(f"\nFAILED {place}\n{case.dump()[:3000]}")
    if options.keep:
        print("\n".join(map(str, keep(campaign.failures))))
    print(f"failures: {len(campaign.failures)}")
    return 1 if campaign.failures else 0


def _list(counts: Counter[str]) -> str:
    return "\n".join(f"  {count:>8,}  {name}" for name, count in counts.most_common())


if __name__ == "__main__":
    sys.exit(main())
