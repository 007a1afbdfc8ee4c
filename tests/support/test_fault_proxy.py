"""The proxy itself: what passes is what the server said, each fault is what it claims, and nothing is left open."""

import http.client
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from tests.support.fault_proxy import Fault, FaultProxy, delay, fail, reset_after, reset_before, slow_down, truncate
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.s3


def make_client(server: S3Server, endpoint: str):  # type: ignore[no-untyped-def]  # botocore makes its methods at run time
    """A client that repeats nothing."""
    return Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(read_timeout=20, retries={"total_max_attempts": 1}),
    )


def test_everything_passes_unchanged_from_many_threads(s3: S3Server, bucket: str) -> None:
    name = bucket.removeprefix("s3://")
    with FaultProxy(s3.endpoint) as proxy:
        client = make_client(s3, proxy.endpoint)

        def use(number: int) -> None:
            data, key = os.urandom(300_000), f"a b/{number} é+%20"
            client.put_object(Bucket=name, Key=key, Body=data)
            assert client.head_object(Bucket=name, Key=key)["ContentLength"] == len(data)
            assert client.get_object(Bucket=name, Key=key)["Body"].read() == data
            ranged = client.get_object(Bucket=name, Key=key, Range="bytes=7-19")
            assert ranged["Body"].read() == data[7:20]

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(use, range(32)))
        assert len(client.list_objects_v2(Bucket=name)["Contents"]) == 32
        assert proxy.count == 32 * 4 + 1


def test_faults_are_what_they_claim(s3: S3Server, bucket: str) -> None:
    name, asked, answered = bucket.removeprefix("s3://"), [], []
    faults: dict[int, Fault] = {
        1: slow_down(),
        2: reset_before(),
        4: reset_after(),
        6: truncate(),
        7: delay(0.01),
        8: fail(404, "NoSuchBucket"),
    }

    def choose(method: str, path: str, query: str, number: int) -> Fault | None:
        return faults.get(number)

    def note_request(method: str, path: str, query: str, number: int) -> None:
        asked.append((method, path, number))

    def note_response(method: str, path: str, query: str, number: int, status: int) -> None:
        answered.append((number, status))

    with FaultProxy(s3.endpoint) as proxy:
        proxy.rule, proxy.on_request, proxy.on_response = choose, note_request, note_response
        client = make_client(s3, proxy.endpoint)
        with pytest.raises(ClientError, match="SlowDown"):
            client.put_object(Bucket=name, Key="k", Body=b"one")
        with pytest.raises(Exception, match=r"(?i)closed|reset"):
            client.put_object(Bucket=name, Key="k", Body=b"two")
        with pytest.raises(ClientError, match="NoSuchKey"):
            client.get_object(Bucket=name, Key="k")
        with pytest.raises(Exception, match=r"(?i)closed|reset"):
            client.put_object(Bucket=name, Key="k", Body=b"x" * 100_000)
        assert len(client.get_object(Bucket=name, Key="k")["Body"].read()) == 100_000, "the server had done it"
        with pytest.raises(Exception, match=r"(?i)incomplete|broken|reset"):
            client.get_object(Bucket=name, Key="k")["Body"].read()
        assert client.get_object(Bucket=name, Key="k")["Body"].read() == b"x" * 100_000
        with pytest.raises(ClientError, match="NoSuchBucket"):
            client.list_objects_v2(Bucket=name)
    assert asked[0] == ("PUT", f"/{name}/k", 1) and len(asked) == 8
    assert answered == [(1, 503), (2, 0), (3, 404), (4, 200), (5, 200), (6, 200), (7, 200), (8, 404)]


def test_chunked_bodies_pass(s3: S3Server, bucket: str) -> None:
    client = make_client(s3, s3.endpoint)
    url = client.generate_presigned_url("put_object", Params={"Bucket": bucket.removeprefix("s3://"), "Key": "c"})
    with FaultProxy(s3.endpoint) as proxy:
        at, to = urlsplit(url), urlsplit(proxy.endpoint)
        connection = http.client.HTTPConnection(to.hostname or "", to.port)
        pieces = [b"a" * 70_000, b"b" * 5]
        headers = {"Host": at.netloc, "Transfer-Encoding": "chunked"}
        connection.request("PUT", f"{at.path}?{at.query}", iter(pieces), headers, encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
    assert client.get_object(Bucket=bucket.removeprefix("s3://"), Key="c")["Body"].read() == b"".join(pieces)
