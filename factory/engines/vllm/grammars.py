"""Proves that JSON schemas can be decoded with xgrammar before a run starts. Compiles in a child process.

A schema that xgrammar cannot take may crash or stall the process that compiles it (vllm-project/vllm issues 43920,
54003), and some keywords it ignores with a warning; here each of the three becomes an error that names the schema.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from factory.errors import EngineError, JobError

_HINT = "simplify that placement's fields: lengths, counts and characters"
# What vLLM refuses or xgrammar ignores: https://github.com/mlc-ai/xgrammar/issues/966 (pattern with lengths), 968 (sets).
_IGNORED = ("uniqueItems", "contains", "minContains", "maxContains", "multipleOf")
_LOOKAROUND = re.compile(r"(?<!\\)\(\?<?[=!]")


def compile_schemas(schemas: Mapping[str, dict[str, Any]], timeout_s: float = 120.0) -> None:
    """Compile every schema; the keys are labels for errors. Takes 3 s of imports and some 10 ms a schema.

    Raises JobError naming the first schema that is ignored in part, fails, crashes, or is not done within `timeout_s`
    plus 0.1 s for each; EngineError when the compiler itself does not start.
    """
    for label, schema in schemas.items():
        for problem in _find_ignored(schema, "$"):
            raise JobError(f"the JSON schema of {label} cannot be enforced: {problem}", _HINT)
    if not schemas:
        return
    allowed = timeout_s + 0.1 * len(schemas)
    try:
        child = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(list(schemas.values())),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=allowed,
        )
        lines, end = child.stdout.split("\n"), f"its compiler ended with code {child.returncode}"
        complaint = child.stderr
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        lines = (output.decode("utf-8", "replace") if isinstance(output, bytes) else output).split("\n")
        end, complaint = f"it was not compiled within {allowed:g} s", ""
    done = [line for line in lines if line]
    if "ready" not in done:
        raise EngineError(f"xgrammar did not start: {end}: {complaint.strip()[-300:]}", "reinstall vLLM")
    failed = next((line.removeprefix("failed ") for line in done if line.startswith("failed ")), None)
    count = done.count("compiled")
    if failed is not None or count < len(schemas):
        label = list(schemas)[count]
        raise JobError(f"the JSON schema of {label} does not compile: {failed or end}", _HINT)


def _find_ignored(schema: Any, path: str) -> Iterator[str]:
    """Yield, in words, what the decoder would silently not hold."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from _find_ignored(item, f"{path}[{number}]")
    if not isinstance(schema, dict):
        return
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        if "minLength" in schema or "maxLength" in schema:
            yield f"{path} has a pattern and a length, and the length is ignored: write the length as {{m,n}} in the pattern"
        if _LOOKAROUND.search(pattern):
            yield f"{path}: look-around in a pattern is ignored"
        if r"\p{" in pattern or "\x00" in pattern:
            yield f"{path}: \\p{{…}} and the null character are not known in a pattern"
    for keyword in _IGNORED:
        if keyword in schema and "type" in schema:
            yield f"{path}: {keyword} is ignored"
    for key, value in schema.items():
        yield from _find_ignored(value, f"{path}.{key}")


def _compile_all() -> None:
    """Run in the child: read schemas, print `ready`, then `compiled` or `failed WHY` for each, in order."""
    import xgrammar

    # Every byte is a token: enough to build the whole automaton without a model's vocabulary.
    letters = [*(bytes([code]) for code in range(256)), b"</s>"]
    vocabulary = xgrammar.TokenizerInfo(letters, stop_token_ids=[256])
    compiler = xgrammar.GrammarCompiler(vocabulary, max_threads=1, cache_enabled=False)
    schemas = json.load(sys.stdin)
    print("ready", flush=True)
    for schema in schemas:
        try:
            compiler.compile_json_schema(json.dumps(schema), any_whitespace=False, separators=(",", ":"))
        except Exception as error:
            print("failed", re.sub(r"^\[[\d:]+\] \S+ ", "", " ".join(str(error).split()))[:300], flush=True)
            return
        print("compiled", flush=True)


if __name__ == "__main__":
    _compile_all()
