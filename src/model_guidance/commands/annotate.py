"""`model-guidance annotate`: the page on which a person looks, marks, trains and compares."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.errors import UserError
from model_guidance.files import check_output_folder

HOST = "127.0.0.1"
PORT = 8765


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `annotate`."""
    parser = Parser(
        description="Open a page on this machine: see where a run looks, mark images, train a round, compare."
    )
    parser.add_argument("run", type=str, help="the run's folder, finished")
    parser.add_argument("--out", type=str, help="folder of the rounds; by default RUN-rounds beside the run")
    parser.add_argument("--marks", type=str, help="file of the marks (COCO); by default marks.json in --out")
    parser.add_argument("--port", type=int, default=PORT, help="of the page's address; 0: any that is free")
    parser.add_argument("--browser", type=bool, default=True, help="open the page in the browser")
    return parser


def run(given: dict[str, Any]) -> None:
    """Serve the page until Ctrl-C."""
    folder = Path(given["run"])
    out = Path(given["out"]) if given["out"] else folder.with_name(f"{folder.resolve().name}-rounds")
    marks = Path(given["marks"]) if given["marks"] else out / "marks.json"
    serve(folder, out, marks, given["port"], given["browser"])


def serve(folder: Path, out: Path, marks: Path, port: int = PORT, browser: bool = False) -> None:
    """Serve the page of a run: rounds go to `out`, marks to the file `marks`.

    Raises `UserError` for a run that is not finished, a damaged file of marks, a folder that may not be
    written to, a port that is taken, and where the extra `ui` is not installed.
    """
    try:
        import uvicorn

        from model_guidance.annotate.server import application
        from model_guidance.annotate.session import Session
    except ModuleNotFoundError as error:
        raise UserError(f"annotate needs {error.name}: pip install 'model-guidance[ui]'") from error
    import secrets
    import webbrowser

    from model_guidance.runs.folder import Run

    check_output_folder(out)
    bound = listening(port)
    host = f"{HOST}:{bound.getsockname()[1]}"
    session, token = Session(Run.open(folder), out, marks), secrets.token_urlsafe()
    address = f"http://{host}/?token={token}"
    print(f"{address}\nmarks: {marks}\nrounds: {out}\nCtrl-C ends the page; marks are on disk", flush=True)
    if browser:
        webbrowser.open(address)
    app = application(session, token, {host, host.replace(HOST, "localhost")})
    try:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[bound])
    finally:
        session.close()


def listening(port: int) -> socket.socket:
    """Return a socket of this machine at a port; raises `UserError` where it is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--port {port}: cannot be used ({reason}); choose another one, or 0") from error
    return found
