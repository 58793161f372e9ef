"""What should never be reachable: served only with the switch on."""

import json
import sys

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.web import Answer

_GIT_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
_ENVIRONMENT = b"APP_ENV=production\nDATABASE_URL=postgres://reference:planted-example@db.internal/app\nDEBUG=1\n"
_CONSOLE = (
    b"<!doctype html><html><head><title>Console // Werkzeug Debugger</title></head><body>"
    b"<h1>Interactive Console</h1><script>var EVALEX = true, SECRET = 'planted';</script></body></html>"
)
_LISTING = (
    b"<html><head><title>Index of /static/</title></head><body><h1>Index of /static/</h1><hr><pre>"
    b'<a href="../">../</a>\n<a href="backup.sql">backup.sql</a>\n</pre></body></html>'
)


def exposed_file(path: str, defects: Switches) -> Answer | None:
    """The answer to a path that a defect exposes, or None."""
    if defects.on("exposed-git") and path == "/.git/HEAD":
        return Answer(200, b"ref: refs/heads/main\n", b"text/plain")
    if defects.on("exposed-git") and path == "/.git/config":
        return Answer(200, _GIT_CONFIG, b"text/plain")
    if defects.on("exposed-env") and path == "/.env":
        return Answer(200, _ENVIRONMENT, b"text/plain")
    if defects.on("directory-listing") and path == "/static/":
        return Answer(200, _LISTING, b"text/html; charset=utf-8")
    if defects.on("exposed-debug") and path == "/debug/vars":
        return Answer(200, json.dumps({"cmdline": sys.argv, "memstats": {"Alloc": 1}}).encode())
    if defects.on("exposed-debug") and path in ("/debug", "/console"):
        return Answer(200, _CONSOLE, b"text/html; charset=utf-8")
    return None
