from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nkeys
import pytest

from common import codec
from common.clock import ClockAnchor
from common.enrolment import EnrolAnswer, EnrolRequest
from common.errors import Forbidden, InvalidInput
from provisioner import identity
from provisioner.identity import Identity, identify, own_seed, public_key
from provisioner.settings import Settings, agent_version
from tests.provisioner.factories import CAPACITY, NODE

ANSWER = EnrolAnswer(NODE, "header.claims.signature", ("nats://127.0.0.1:4222",), 7, 11, 60)


@dataclass
class Enrolments:
    """A market that only enrols: what it was asked, and the statuses with which it answers, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [201])
    asked: list[tuple[str, EnrolRequest]] = field(default_factory=list)


@pytest.fixture
def enrolments() -> Iterator[Enrolments]:
    state = Enrolments()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append((self.path, codec.decode(EnrolRequest, body)))
            status = state.statuses.pop(0) if len(state.statuses) > 1 else state.statuses[0]
            content = codec.encode(ANSWER) if status == 201 else b'{"code": "enrolment_invalid"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
        server.shutdown()
        thread.join()


def _settings(folder: Path, url: str) -> Settings:
    return Settings(url, folder, "test+unix:///default", token="once")


def _identify(settings: Settings) -> Identity:
    return asyncio.run(identify(settings, CAPACITY))


def test_the_first_start_enrols_the_public_key_with_the_token(tmp_path: Path, enrolments: Enrolments) -> None:
    found = _identify(_settings(tmp_path, enrolments.url + "/"))
    assert (found.node, found.jwt, found.nats_servers) == (NODE, ANSWER.jwt, ANSWER.nats_servers)
    assert found.anchor == ClockAnchor(wall_micros=7, market_micros=11, speed=60)
    asked = EnrolRequest("once", public_key(found.seed), agent_version(), CAPACITY)
    assert enrolments.asked == [("/v1/agents", asked)]


def test_later_starts_need_neither_market_nor_token(tmp_path: Path, enrolments: Enrolments) -> None:
    first = _identify(_settings(tmp_path, enrolments.url))
    assert _identify(replace(_settings(tmp_path, "http://127.0.0.1:1"), token=None)) == first
    assert len(enrolments.asked) == 1


def test_the_seed_is_a_users_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    seed = own_seed(tmp_path / "user.nk")
    assert own_seed(tmp_path / "user.nk") == seed
    assert stat.S_IMODE((tmp_path / "user.nk").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["user.nk"]
    key = nkeys.from_seed(bytearray(seed.encode()))
    assert key.verify(b"nonce", key.sign(b"nonce"))
    assert public_key(seed).startswith("U")


def test_a_market_that_does_not_answer_yet_is_asked_again(
    tmp_path: Path, enrolments: Enrolments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "RETRY_SECONDS", 0.01)
    enrolments.statuses = [503, 502, 201]
    _identify(_settings(tmp_path, enrolments.url))
    keys = {request.public_key for _path, request in enrolments.asked}
    assert (len(enrolments.asked), len(keys)) == (3, 1)


def test_a_refused_token_ends_the_start_and_leaves_no_identity(tmp_path: Path, enrolments: Enrolments) -> None:
    enrolments.statuses = [403]
    with pytest.raises(Forbidden, match="enrolment_invalid"):
        _identify(_settings(tmp_path, enrolments.url))
    enrolments.statuses = [201]
    assert _identify(_settings(tmp_path, enrolments.url)).node == NODE


def test_a_first_start_without_a_token_or_with_a_wrong_address_says_so(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "ftp://market")
    with pytest.raises(InvalidInput, match="token"):
        _identify(replace(settings, token=None))
    with pytest.raises(InvalidInput, match="address"):
        _identify(settings)
