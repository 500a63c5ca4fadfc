"""The page answers itself and nobody else, and says in one sentence what it cannot do."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from model_guidance.annotate.rounds import Wish
from model_guidance.annotate.server import application
from model_guidance.annotate.session import Session
from model_guidance.annotate.views import View
from model_guidance.report.figures.overlay import layer
from model_guidance.runs.folder import Run
from tests.annotate.conftest import ODD

HOST, TOKEN = "127.0.0.1:1234", "a-secret"
BOX = {"uid": "1", "label": "cat", "kind": "box", "points": [[1, 2], [20, 30]]}


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    app = application(session, TOKEN, {HOST})
    with TestClient(app, base_url=f"http://{HOST}", cookies={"model-guidance": TOKEN}) as opened:
        yield opened


def put(client: TestClient, index: int, **changes: Any) -> Any:
    change = {"op": "put", "split": "train", "index": index, "shape": {**BOX, **changes}}
    return client.post("/api/marks", content=json.dumps(change))


@pytest.mark.parametrize(
    ("headers", "cookie", "said"),
    [
        ({}, None, "must have the token"),
        ({}, "wrong", "must have the token"),
        ({"Host": "evil.example"}, TOKEN, "only under the address"),
        ({"Host": "localhost:9"}, TOKEN, "only under the address"),
        ({"Origin": "http://evil.example"}, TOKEN, "takes nothing from other pages"),
        ({"Origin": "null"}, TOKEN, "takes nothing from other pages"),
        ({"Content-Length": "99999999"}, TOKEN, "too large"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/api/session", "/image/train/0", "/static/page.css", "/take/marks.json"]
)
def test_strangers_get_nothing(
    session: Session, headers: dict[str, str], cookie: str | None, said: str, path: str
) -> None:
    cookies = {"model-guidance": cookie} if cookie else {}
    with TestClient(
        application(session, TOKEN, {HOST}), base_url=f"http://{HOST}", cookies=cookies
    ) as client:
        answer = client.get(path, headers=headers)
    assert answer.status_code == 403
    assert said in answer.json()["error"]


def test_the_token_in_the_address_opens_the_page_once(session: Session) -> None:
    with TestClient(application(session, TOKEN, {HOST}), base_url=f"http://{HOST}") as client:
        assert client.get("/api/session").status_code == 403
        first = client.get(f"/?token={TOKEN}")
        assert "HttpOnly; SameSite=Strict" in first.headers["set-cookie"]
        assert client.get("/api/session").status_code == 200


def test_every_answer_forbids_what_comes_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/api/session", "/none", "/image/train/0"):
        policy = client.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'self'")
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    [
        *("/image/train/999", "/image/other/0", "/map/run/train/0/9", "/map/none/train/0/0"),
        *("/without/train/0", "/take/config.yaml", "/take/..%2f..%2fetc%2fpasswd"),
        *("/static/..%2f..%2fserver.py", "/image/..%2f/0", "/api/compare/round-1", "/report.html"),
        *("/api/gallery?limit=x", "/api/gallery?order=none&split=val"),
    ],
)
def test_what_is_not_there_is_said(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert b"root:" not in answer.content
    assert b"import " not in answer.content
    if not path.startswith("/static"):
        assert answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"[" * 100_000, b"\xff" * 100, b'{"op": "put"}'),
        b'{"op": "fly", "split": "train", "index": 0}',
        b'{"op": "put", "split": "train", "index": 0, "x": 1}',
        b'{"op": "status", "split": "train", "index": 0, "status": "odd"}',
    ],
)
def test_requests_that_make_no_sense_change_nothing(
    client: TestClient, body: bytes, session: Session
) -> None:
    answer = client.post("/api/marks", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert session.marks.images == {}


def test_marks_come_back(client: TestClient) -> None:
    first = put(client, 3).json()["revision"]
    told = client.get("/api/image/train/3").json()
    assert told["marks"] == [{**BOX, "radius": None, "ignored": False}]
    assert told["revision"] == first
    changed = client.get("/api/marks?since=0").json()
    assert [(each["split"], each["index"]) for each in changed["changed"]] == [("train", 3)]
    change = {"op": "delete", "split": "train", "index": 3, "uid": "1"}
    assert client.post("/api/marks", content=json.dumps(change)).json() == {"revision": first + 1}
    assert client.get(f"/api/marks?since={first}").json()["changed"][0]["marks"] == []


def test_what_is_marked_while_an_answer_is_made_is_in_it_or_in_a_later_one(
    client: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, since = View.scores, session.marks.since

    def slow(*given: Any) -> list[float]:
        put(client, 0)
        return scores(*given)

    def meanwhile(revision: int) -> list[str]:
        found = since(revision)
        put(client, 1)
        return found

    monkeypatch.setattr(View, "scores", slow)
    assert len(client.get("/api/image/train/0").json()["marks"]) == 1
    monkeypatch.setattr(session.marks, "since", meanwhile)
    told = session.changed(0)
    assert [each["index"] for each in told["changed"]] == [0]
    assert [each["index"] for each in session.changed(told["revision"])["changed"]] == [1]


def test_pictures_are_of_the_image(client: TestClient) -> None:
    index = 11  # the last of the cats, by name
    told = client.get(f"/api/image/train/{index}").json()
    assert told["name"].endswith(ODD)
    whole = Image.open(io.BytesIO(client.get(f"/image/train/{index}").content))
    assert whole.size == (told["width"], told["height"])
    assert max(Image.open(io.BytesIO(client.get(f"/image/train/{index}?side=32").content)).size) == 32
    drawn = Image.open(io.BytesIO(client.get(f"/map/run/train/{index}/1").content))
    assert drawn.mode == "RGBA"
    assert np.asarray(drawn)[..., 3].max() > 200


def test_without_its_background_an_image_keeps_its_regions(client: TestClient) -> None:
    put(client, 0, points=[[10, 10], [30, 30]])
    before = np.asarray(Image.open(io.BytesIO(client.get("/image/train/0").content)), float)
    after = np.asarray(Image.open(io.BytesIO(client.get("/without/train/0").content)), float)
    inside = (slice(14, 26), slice(14, 26))
    assert np.abs(before - after)[inside].mean() < 12  # JPEG
    outside = after[36:]
    assert outside.std(axis=(0, 1)).max() < 6 < before[36:].std(axis=(0, 1)).min()


def test_the_gallery_is_sorted_and_filtered(client: TestClient) -> None:
    for _ in range(200):
        found = client.get("/api/gallery?order=error&limit=100").json()
        if found["ready"]:
            break
        time.sleep(0.1)
    assert found["total"] == 24
    rights = [each["right"] for each in found["images"]]
    assert rights == sorted(rights)
    put(client, 5)
    assert [e["index"] for e in client.get("/api/gallery?only=marked").json()["images"]] == [5]
    assert client.get("/api/gallery?only=unmarked").json()["total"] == 23
    dogs = client.get("/api/gallery?class=dog&offset=2&limit=3").json()
    assert dogs["total"] == 12
    assert [each["labels"] for each in dogs["images"]] == [["dog"]] * 3


def test_marks_and_models_can_be_taken_away(client: TestClient) -> None:
    put(client, 0)
    for name in ("marks.json", "marks.csv", "marks-yolo.zip", "run.safetensors"):
        answer = client.get(f"/take/{name}")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert len(answer.content) > 50


@pytest.mark.slow
def test_a_round_is_trained_and_compared(client: TestClient, session: Session) -> None:
    assert "no training image has a region" in client.post("/api/rounds", content="{}").json()["error"]
    for index in range(4):
        put(client, index, uid=str(index))
    wish = {"lambda": 5, "epochs": 2, "frozen": None}
    assert client.post("/api/rounds", content=json.dumps(wish)).json() == {"id": "round-1"}
    assert "being trained already" in client.post("/api/rounds", content="{}").json()["error"]
    for _ in range(600):
        (told,) = client.get("/api/rounds").json()
        if told["state"] != "running":
            break
        time.sleep(0.2)
    assert told["state"] == "finished", told
    assert (told["epoch"], told["marks"], told["lambda"]) == (2, 4, 5)
    compared = client.get("/api/compare/round-1").json()
    assert compared["verdict"]
    assert set(compared["before"]["scores"]) == set(compared["after"]["scores"])
    assert client.get("/map/round-1/train/0/0?v=2").status_code == 200
    assert [each["id"] for each in client.get("/api/session").json()["models"]] == ["run", "round-1"]
    assert client.post("/api/report").json() == {"url": "/report.html"}
    assert b"<html" in client.get("/report.html").content


@pytest.mark.parametrize("mode", ["fit", "crop"])
def test_maps_lie_on_the_photo_however_it_was_resized(mode: str, finished: Run, tmp_path: Path) -> None:
    run = replace(finished, config=replace(finished.config, resize=mode))
    session = Session(run, tmp_path / "rounds", tmp_path / "marks.json")
    width, height = session.photos["test"].sample(0).image.size
    assert width != height
    session.views["run"].run = run  # as if it had been trained so
    (raw,) = session.views["run"].observer("test").maps([0], [1])
    seen = Image.open(io.BytesIO(session.map_png("run", "test", 0, 1)))
    share = min(width, height) / max(width, height)
    if mode == "fit":  # what is padding in the network's image is no part of the photo's map
        inner = round(32 * share)
        cut = raw[(32 - inner) // 2 :][:inner] if width > height else raw[:, (32 - inner) // 2 :][:, :inner]
        assert np.array_equal(np.asarray(seen), layer(cut, 256))
    else:  # what was cut off has no colour
        opacity = np.asarray(seen)[..., 3]
        empty = opacity.max(axis=0 if width > height else 1) == 0
        assert empty.mean() == pytest.approx(1 - share, abs=0.1)
        assert empty[0]
        assert empty[-1]


@pytest.mark.parametrize(("frozen", "given"), [(None, "null"), ("mid1", "mid1")])
def test_a_round_is_trained_as_it_was_wished(session: Session, frozen: str | None, given: str) -> None:
    options = session.rounds._options(Wish(frozen=frozen), Path("round-1"), Path("round-1.txt"))
    told = dict(zip(options[::2], options[1::2], strict=True))
    assert told["--frozen"] == given
    assert told["--augment"] == "false"
    assert json.loads(told["--annotations"]) == [str(session.marks.path)]
    session.rounds.run = replace(session.run, config=replace(session.run.config, annotations="more.csv"))
    told = dict(
        zip(*[iter(session.rounds._options(Wish(), Path("round-1"), Path("round-1.txt")))] * 2, strict=True)
    )
    assert json.loads(told["--annotations"]) == ["more.csv", str(session.marks.path)]
    birds = replace(session.run.config, data="waterbirds", root=".")  # which are augmented, as published
    session.rounds.run = replace(session.run, config=birds)
    options = session.rounds._options(Wish(), Path("round-1"), Path("round-1.txt"))
    assert options[options.index("--augment") + 1] == "true"
