"""The page's server: this machine only, a token in the address, nothing from elsewhere."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from model_guidance.annotate.marks_file import NotSavedError, coco
from model_guidance.annotate.rounds import Wish
from model_guidance.annotate.session import Change, Session
from model_guidance.annotate.take_away import as_csv, as_yolo
from model_guidance.errors import UserError
from model_guidance.files import read_bytes
from model_guidance.runs.folder import LAST

STATIC = Path(__file__).with_name("static")
COOKIE = "model-guidance"
LARGEST_BODY = 1 << 20
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
REPORT = {  # one file, with its styles and pictures in it
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:"
}
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
KEPT = {"Cache-Control": "private, max-age=600"}  # of pictures whose address says what they show
T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]


def application(session: Session, token: str, hosts: set[str]) -> Starlette:
    """Return the page of a session; `hosts` are the names, with the port, under which it may be asked for."""
    routes = [
        Route("/", _page),
        Route("/api/session", _told(lambda _: session.described())),
        Route("/api/gallery", _told(_gallery(session))),
        Route("/api/image/{split}/{index:int}", _told(_image(session))),
        Route("/image/{split}/{index:int}", _file("image/jpeg", _jpeg(session), KEPT)),
        Route("/without/{split}/{index:int}", _file("image/jpeg", _without(session))),
        Route("/map/{model}/{split}/{index:int}/{label:int}", _file("image/png", _map(session), KEPT)),
        Route("/api/marks", _told(lambda r: session.changed(_whole(r, "since") or 0)), methods=["GET"]),
        Route("/api/marks", _done(Change, session.mark), methods=["POST"]),
        Route("/api/rounds", _told(lambda _: [each.described() for each in session.rounds.all])),
        Route("/api/rounds", _done(Wish, session.start_round), methods=["POST"]),
        Route("/api/rounds/{name}/stop", _told(_stop(session)), methods=["POST"]),
        Route("/api/compare/{name}", _told(lambda r: session.compared(r.path_params["name"]))),
        Route("/api/report", _told(lambda _: session.report()), methods=["POST"]),
        Route(
            "/report.html",
            _file("text/html", lambda _: session.report_page(), REPORT),
        ),
        Route("/take/{name}", _take(session)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(routes=routes, exception_handlers={UserError: _mistake, HTTPException: _not_found})
    return _Guarded(app, token, hosts)  # type: ignore[return-value]


class _Guarded:
    """Lets nothing through but requests of the page itself, and adds the headers to every answer."""

    def __init__(self, app: Starlette, token: str, hosts: set[str]) -> None:
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        refused = self._refused(request)
        if refused:
            await JSONResponse({"error": refused}, status_code=403, headers=HEADERS)(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = dict(message["headers"])
                ours = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
                added = [(name, value) for name, value in ours.items() if name not in own]
                message["headers"] = [*message["headers"], *added, *self._cookie(request)]
            await send(message)

        await self.app(scope, receive, with_headers)

    def _refused(self, request: Request) -> str:
        """Return why a request is not answered: an empty text if it is."""
        origin = request.headers.get("origin")
        if request.headers.get("host") not in self.hosts:
            return "this page answers only under the address that was printed when it was started"
        if origin is not None and origin.removeprefix("http://") not in self.hosts:
            return "this page takes nothing from other pages"
        given = request.query_params.get("token") or request.cookies.get(COOKIE) or ""
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "the address must have the token that was printed when the page was started"
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return "the request is too large"
        return ""

    def _cookie(self, request: Request) -> list[tuple[bytes, bytes]]:
        if request.query_params.get("token") != self.token:
            return []
        value = f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        return [(b"set-cookie", value.encode())]


def _mistake(_: Request, error: Exception) -> Response:
    status = 503 if isinstance(error, NotSavedError) else 400
    return JSONResponse({"error": str(error)}, status_code=status)


def _not_found(request: Request, error: Exception) -> Response:
    return JSONResponse(
        {"error": f"there is no {request.url.path}"}, status_code=getattr(error, "status_code", 404)
    )


async def _page(_: Request) -> Response:
    return Response((STATIC / "index.html").read_bytes(), media_type="text/html")


def _told(answer: Callable[[Request], Any]) -> Answer:
    async def told(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answer, request))

    return told


def _file(kind: str, content: Callable[[Request], bytes], headers: Mapping[str, str] | None = None) -> Answer:
    async def file(request: Request) -> Response:
        return Response(await run_in_threadpool(content, request), media_type=kind, headers=headers)

    return file


def _done(kind: type[T], act: Callable[[T], Any]) -> Answer:
    """Answer a request with a body in JSON of this kind."""

    async def done(request: Request) -> Response:
        body = await request.body()
        if len(body) > LARGEST_BODY:
            raise UserError("the request is too large")
        try:
            wish = msgspec.json.decode(body or b"{}", type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UserError(f"the request is not understood ({error})") from error
        return JSONResponse(await run_in_threadpool(act, wish))

    return done


def _place(request: Request) -> tuple[str, int]:
    return request.path_params["split"], request.path_params["index"]


def _whole(request: Request, name: str) -> int | None:
    """Return a whole number of the address, None where it is left out."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise UserError(f"{name} is {text!r}, but must be a whole number")
    return int(text)


def _gallery(session: Session) -> Callable[[Request], Any]:
    def gallery(request: Request) -> Any:
        first, count = (_whole(request, name) for name in ("offset", "limit"))
        part = {"first": first, "count": count}
        given = {name: value for name, value in part.items() if value is not None}
        return session.gallery(dict(request.query_params), **given)

    return gallery


def _image(session: Session) -> Callable[[Request], Any]:
    return lambda request: session.image(*_place(request), request.query_params.get("model", "run"))


def _jpeg(session: Session) -> Callable[[Request], bytes]:
    return lambda request: session.jpeg(*_place(request), _whole(request, "side"))


def _without(session: Session) -> Callable[[Request], bytes]:
    return lambda request: session.without_background(*_place(request))


def _map(session: Session) -> Callable[[Request], bytes]:
    def png(request: Request) -> bytes:
        found = request.path_params
        return session.map_png(found["model"], found["split"], found["index"], found["label"])

    return png


def _stop(session: Session) -> Callable[[Request], Any]:
    def stop(request: Request) -> dict[str, Any]:
        session.rounds[request.path_params["name"]].stop()
        return {}

    return stop


def _take(session: Session) -> Answer:
    """Answer with a file to be kept: the marks in three formats, or the weights of a model."""

    async def take(request: Request) -> Response:
        name = request.path_params["name"]
        content = await run_in_threadpool(_content, session, name)
        named = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/octet-stream", headers=named)

    return take


def _content(session: Session, name: str) -> bytes:
    session.marks.refresh()
    images, classes = session.marks.images, session.run.classes
    if name == "marks.json":
        return json.dumps(coco(images, classes), ensure_ascii=False, indent=1).encode()
    if name == "marks.csv":
        return as_csv(images)
    if name == "marks-yolo.zip":
        return as_yolo(images, classes)
    model = name.removesuffix(".safetensors")
    if model not in session.views.folders or model == name:
        raise UserError(
            f"there is no {name} to take; there are marks.json, marks.csv, marks-yolo.zip and models"
        )
    return read_bytes(session.views.folders[model] / LAST)
