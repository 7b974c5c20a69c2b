"""An endpoint as a baseline, against a real HTTP server that sometimes fails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import datasets
import pytest

from mixologist.errors import MixologistError, UserError
from mixologist.evaluation.baselines import endpoint
from mixologist.evaluation.baselines.endpoint import Asker
from mixologist.evaluation.predictions import Predictions
from mixologist.recipe.load import load
from mixologist.recipe.schema import Endpoint
from mixologist.tasks.task import Task, load_tasks
from tests.conftest import tiny_recipe, write_data

ANSWER = "returns"


class Server(ThreadingHTTPServer):
    """Answers every question with ``ANSWER``; ``statuses`` are what it fails with first."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.lock = statuses, Lock()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()

    @property
    def spec(self) -> Endpoint:
        return Endpoint(
            endpoint=f"http://127.0.0.1:{self.server_port}/v1", model="large", name="other", concurrency=4
        )


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            self.server.bodies += [body] if status == 200 else []
            self.server.keys.add(self.headers["Authorization"])
        message = {"role": "assistant", "content": f" {ANSWER}\n"}
        reply = {
            "id": "1", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
        } if status == 200 else {"error": {"message": "planned", "type": "planned"}}  # fmt: skip
        content = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(*statuses: int) -> Iterator[Server]:
    server = Server(list(statuses))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def task(tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    write_data(tmp_path / "data")
    return load_tasks(load(tiny_recipe(tiny_base, tmp_path / "data"))).tasks["queue"]


def test_it_is_asked_what_our_adapters_are_asked(task: Task, tmp_path: Path) -> None:
    with serving() as server:
        asker = Asker(server.spec, Predictions(tmp_path / "kept"))
        outcomes = asker.answer(task, "test")
    test = task.splits["test"]
    assert [(o.id, o.reference) for o in outcomes] == [(e.id, e.reference) for e in test]
    assert {o.prediction for o in outcomes} == {ANSWER}
    assert sorted(json.dumps(b["messages"]) for b in server.bodies) == sorted(
        json.dumps(list(e.messages)) for e in test
    )
    assert {(b["model"], b["temperature"], b["max_tokens"]) for b in server.bodies} == {
        ("large", 0, task.max_new_tokens)
    }
    assert server.keys == {"Bearer secret"}
    assert (asker.usage.requests, asker.usage.prompt_tokens, asker.usage.completion_tokens) == (8, 56, 16)


def test_no_question_is_paid_for_twice(task: Task, tmp_path: Path) -> None:
    with serving() as server:
        first = Asker(server.spec, Predictions(tmp_path / "kept")).answer(task, "test")
        asker = Asker(server.spec, Predictions(tmp_path / "kept"))
        assert asker.answer(task, "test") == first
    assert len(server.bodies) == len(first) == asker.usage.kept
    assert asker.usage.requests == 0


def test_failures_that_pass_are_retried_and_counted(task: Task, tmp_path: Path) -> None:
    with serving(429, 500, 503) as server:
        asker = Asker(server.spec, Predictions(tmp_path / "kept"))
        assert len(asker.answer(task, "test")) == len(task.splits["test"])
    assert asker.usage.retries == 3


def test_what_was_answered_before_a_failure_is_kept(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "RETRIES", 0)
    monkeypatch.setattr(endpoint, "BLOCK", 2)
    with serving(*[200] * 4, 500) as server:
        spec = server.spec.model_copy(update={"concurrency": 1})
        with pytest.raises(MixologistError, match="did not answer"):
            Asker(spec, Predictions(tmp_path / "kept")).answer(task, "test")
        asker = Asker(spec, Predictions(tmp_path / "kept"))
        asker.answer(task, "test")
    assert asker.usage.kept == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_the_users_to_mend(task: Task, tmp_path: Path, status: int) -> None:
    with serving(*[status] * 20) as server, pytest.raises(UserError, match="refuses model 'large'"):
        Asker(server.spec, Predictions(tmp_path / "kept")).answer(task, "test")


def test_nobody_there(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "RETRIES", 0)
    with serving() as server:
        spec = server.spec
    with pytest.raises(MixologistError, match="did not answer"):
        Asker(spec, Predictions(tmp_path / "kept")).answer(task, "test")
