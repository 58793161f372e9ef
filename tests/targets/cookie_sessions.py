"""A small web application of the older kind: a form login, a session cookie, redirects for refusals, notes of one's own.

It shares nothing with the reference system, and has switches for what it does wrong.
"""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

PASSWORDS = {"ann@example.test": "ann's password", "ben@example.test": "ben's password"}


class Notebook:
    """The application; `wrong` names what it does wrong."""

    def __init__(self, *wrong: str) -> None:
        self.wrong = set(wrong)
        self.sessions: dict[str, str] = {}
        self.notes: dict[int, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Its paths."""
        return [
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/me", self.me),
            Route("/notes", self.listing, methods=["GET"]),
            Route("/notes", self.add, methods=["POST"]),
            Route("/notes/{number:int}", self.note, methods=["GET", "PATCH", "DELETE"]),
        ]

    def who(self, request: Request) -> str | None:
        """Whose session the cookie is."""
        given = request.cookies.get("sid", "")
        if "half-compared" in self.wrong:
            return next((user for sid, user in self.sessions.items() if given[:8] == sid[:8]), None)
        return self.sessions.get(given)

    async def login(self, request: Request) -> Response:
        """A redirect for the right password, a page with 200 for a wrong one; a cookie at both."""
        form = parse_qs((await request.body()).decode())
        user, password = form["mail"][0], form["secret"][0]
        sid = secrets.token_hex(16)
        right = PASSWORDS.get(user) == password or ("password" in self.wrong and user in PASSWORDS)
        answer: Response = RedirectResponse("/notes", 303) if right else HTMLResponse("<p>Login failed</p>")
        if right:
            self.sessions[sid] = user
        answer.set_cookie("sid", sid, httponly="flags" not in self.wrong, samesite="lax")
        return answer

    async def logout(self, request: Request) -> Response:
        """Forget the session."""
        if "logout" not in self.wrong:
            self.sessions.pop(request.cookies.get("sid", ""), None)
        return RedirectResponse("/", 302)

    async def me(self, request: Request) -> Response:
        """Who is logged in; nobody is an answer too."""
        return JSONResponse({"user": {"mail": self.who(request)}})

    async def listing(self, request: Request) -> Response:
        """The notes of the caller."""
        user = self.who(request)
        if user is None:
            return RedirectResponse("/login", 302)
        return JSONResponse([n for n in self.notes.values() if n["owner"] == user or "list" in self.wrong])

    async def add(self, request: Request) -> Response:
        """A new note."""
        number = len(self.notes) + 1
        self.notes[number] = {"number": number, "owner": self.who(request), **await request.json()}
        return JSONResponse({"made": self.notes[number]}, 201)

    async def note(self, request: Request) -> Response:
        """Read, change or remove a note of one's own."""
        user, number = self.who(request), request.path_params["number"]
        note = self.notes.get(number)
        if user is None or note is None:
            return RedirectResponse("/login", 302) if user is None else Response(status_code=404)
        if note["owner"] != user and request.method not in self.wrong:
            return JSONResponse({"error": "not yours"}, 403)
        if request.method == "DELETE":
            del self.notes[number]
            return Response(status_code=204)
        if request.method == "PATCH":
            note.update(await request.json())
        return JSONResponse(note)


@contextmanager
def serving(*wrong: str) -> Iterator[str]:
    """The application on a free loopback port; gives its base URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(Starlette(routes=Notebook(*wrong).routes()), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
