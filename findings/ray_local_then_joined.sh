#!/usr/bin/env bash
# Ray 2.60.0: a process that has started a Ray of its own cannot use another cluster afterwards, and is not told why.
#
# Expected: `ray.init("local")`, `ray.shutdown()`, `ray.init(address=...)` in one process, as in a notebook, use the cluster at that
# address as a process that only joins it does.
# Seen: the second `ray.init` succeeds. Then every actor dies within a second with "ActorDiedError: The actor died
# unexpectedly before finishing this task", for the cluster takes the driver for dead: the local start turned on token
# authentication for the whole process (RAY_AUTH_MODE=token in os.environ, left there by `ray.shutdown`), so its driver refuses
# the requests of a cluster that was started without tokens. Nothing on the driver's side names authentication.
# Way out: set RAY_AUTH_MODE before the first `ray.init` to what the cluster has, or join from a process of its own.
set -euo pipefail
folder="$(mktemp -d)"
export RAY_USAGE_STATS_ENABLED=0 HOME="$folder" RAY_TMPDIR="$folder"
unset RAY_ADDRESS RAY_AUTH_MODE
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "ray==2.60.0"
cat > "$folder/head.py" <<'PY'
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
print("address", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
PY
cat > "$folder/use.py" <<'PY'
import sys
import ray

address, starts_local = sys.argv[1], sys.argv[2] == "local_first"
if starts_local:
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    ray.shutdown()
ray.init(address=address, log_to_driver=False)


@ray.remote
class Echo:
    def say(self):
        return "the actor answered"


try:
    print("RESULT", ray.get(Echo.remote().say.remote(), timeout=60))
except ray.exceptions.RayActorError as error:
    print("RESULT", type(error).__name__, "names authentication:", "auth" in str(error).lower())
PY
mkfifo "$folder/end"
"$folder/venv/bin/python" "$folder/head.py" < "$folder/end" > "$folder/head.txt" 2> "$folder/head.err" &
head=$!
exec 3> "$folder/end"
trap 'exec 3>&-; wait "$head" || true; rm -rf "$folder"' EXIT
until grep -q '^address ' "$folder/head.txt"; do sleep 1; kill -0 "$head"; done
address="$(sed -n 's/^address //p' "$folder/head.txt")"
alone="$("$folder/venv/bin/python" "$folder/use.py" "$address" join_only 2> /dev/null | grep RESULT)"
after="$("$folder/venv/bin/python" "$folder/use.py" "$address" local_first 2> /dev/null | grep RESULT)"
echo "joining alone:             $alone"
echo "joining after a local Ray: $after"
[ "$alone" = "RESULT the actor answered" ]
[ "$after" = "RESULT ActorDiedError names authentication: False" ]
echo "behaves as described"
