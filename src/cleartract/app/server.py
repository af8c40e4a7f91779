"""The server of the form: recordings, jobs and players by number."""

from __future__ import annotations

import json
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from cleartract.app.job_queue import Job, JobQueue
from cleartract.app.library import Library, facts
from cleartract.app.looks import Looks
from cleartract.app.pictures import Players, newest
from cleartract.app.plans import Form
from cleartract.app.uploads import Upload
from cleartract.denoising.frame_lists import first_frames, told_rate
from cleartract.errors import RecordingError, UsageError
from cleartract.viewer.guard import Guard
from cleartract.viewer.server import ANSWERS, page_files, static_file, whole_number

PREVIEW = "2s"
_KEYS = {"recording", "preview", "options"}


def _json(content: Any, code: int = 200) -> Response:
    return Response(json.dumps(content), code, media_type="application/json")


class AppServer:
    """All that the page can ask for.

    Args:
        form: The options.
        folders: Of recordings.
        out: Folder of results, or None for beside the recordings.
        uploads: Folder of what the page hands over.
        largest: Of that [bytes].
        weights: Of the closer look.

    Raises:
        CorpusError: If a folder is missing.
    """

    def __init__(
        self,
        form: Form,
        folders: list[Path],
        out: Path | None,
        uploads: Path,
        largest: int,
        weights: str | None = None,
    ) -> None:
        self.form, self.out, self.largest = form, out, largest
        self.library = Library(folders, uploads)
        self.players, self.looks = Players(), Looks(weights)
        self.queue = JobQueue(self.players.forget)
        self._previews = tempfile.TemporaryDirectory(prefix="cleartract-")
        self._files = page_files("cleartract.viewer") | page_files("cleartract.app")

    def close(self) -> None:
        """Stop the work and let go of files."""
        self.queue.close()
        self.looks.close()
        self.players.close()
        self._previews.cleanup()

    def pages(self, token: str) -> Guard:
        """The pages under `/<token>/`."""
        routes = [
            Route("/", self._page),
            Route("/start", self._start),
            Route("/recordings", self._recordings),
            Route("/recordings/{recording}", self._facts),
            Route("/recordings/{recording}/look", self._look),
            Route("/uploads", self._upload, methods=["POST"]),
            Route("/jobs", self._jobs, methods=["GET"]),
            Route("/jobs", self._add, methods=["POST"]),
            Route("/jobs/{job}/frame", self._frame),
            Route("/jobs/{job}/sidecar", self._sidecar),
            Route("/jobs/{job}/result", self._result),
            Route("/jobs/{job}/{action}", self._act, methods=["POST"]),
            Mount("/view/{job}", self._view),
            Route("/{name}", self._page),
        ]
        pages = Starlette(routes=routes, exception_handlers=ANSWERS)
        pages.router.redirect_slashes = False  # it knows no token: its address would lead nowhere
        return Guard(pages, token, {"/uploads": self.largest})

    def _page(self, request: Request) -> Response:
        return static_file(self._files, request.path_params.get("name", "app.html"))

    def _start(self, request: Request) -> Response:
        """What the page must know first."""
        out = None if self.out is None else str(self.out)
        return _json({"fields": self.form.described(), "out": out, "largest": self.largest,
                      "preview": PREVIEW, "uploads": str(self.library.uploads)})  # fmt: skip

    def _recordings(self, request: Request) -> Response:
        if request.query_params.get("again"):
            self.library.scan()
        return _json(self.library.listed())

    def _facts(self, request: Request) -> Response:
        recorded = self.library[whole_number(request, "recording")]
        return _json(facts(recorded, _rate(request.query_params.get("rate"))))

    def _look(self, request: Request) -> Response:
        recorded = self.library[whole_number(request, "recording")]
        rate = request.query_params.get("rate")
        _rate(rate)
        told = self.looks.of(recorded, rate)
        return _json({}, 202) if told is None else _json(told)

    async def _upload(self, request: Request) -> Response:
        size = int(request.headers["content-length"])
        if not size:
            return PlainTextResponse("it is empty", 400)
        name = request.query_params.get("name", "")
        upload = await run_in_threadpool(Upload, self.library.uploads, name, size)
        await upload.receive(request.stream())
        path = await run_in_threadpool(upload.keep)
        await run_in_threadpool(self.library.scan)
        try:
            return _json({"number": self.library.numbered(path)})
        except RecordingError as error:
            path.unlink(missing_ok=True)
            raise RecordingError(
                f"{path.name}: has the name of a result; give it another name"
            ) from error

    def _jobs(self, request: Request) -> Response:
        return _json([job.described() for job in self.queue.all()])

    async def _add(self, request: Request) -> Response:
        try:
            asked = json.loads(await request.body())
        except (ValueError, RecursionError):
            return PlainTextResponse("no JSON", 400)
        if not isinstance(asked, dict) or not asked.keys() <= _KEYS:
            return PlainTextResponse("recording, preview and options are wanted", 400)
        number, preview = asked.get("recording"), asked.get("preview", False)
        options = asked.get("options", {})
        right = type(number) is int and type(preview) is bool and isinstance(options, dict)
        if not right:
            return PlainTextResponse("recording, preview or options are of the wrong type", 400)
        try:
            job = await run_in_threadpool(self._planned, number, preview, options)
        except (UsageError, OverflowError) as error:
            return PlainTextResponse(str(error), 400)
        return _json(job.described())

    def _planned(self, number: int, preview: bool, options: dict[str, Any]) -> Job:
        recorded = self.library[number]
        taken = {path for job in self.queue.all() for path in job.plan.targets.values()}
        length = PREVIEW if preview else None
        folder = Path(self._previews.name) if preview else self.out
        plan = self.form.plan(recorded, options, folder, length, taken)
        known = facts(recorded, _rate(plan.rate))
        frames, (height, width) = known["frames"], known["size"]
        if length is not None:
            frames = min(frames, first_frames(length, Fraction(*known["rate"])))
        return self.queue.add(recorded, plan, frames, (height, width))

    def _job(self, request: Request) -> Job:
        return self.queue[whole_number(request, "job")]

    def _frame(self, request: Request) -> Response:
        seen = request.query_params.get("seen", "-1")
        job = self._job(request)
        found = newest(job, self.players, int(seen) if seen.isdigit() else -1)
        if found is None:
            return Response(status_code=204)
        headers = {"X-Frame": str(found[0])}
        return Response(found[1], media_type="application/octet-stream", headers=headers)

    def _sidecar(self, request: Request) -> Response:
        job = self._job(request)
        sidecar = job.plan.targets["sidecar"]
        if job.state != "done" or not sidecar.is_file():
            raise IndexError("sidecar")
        return Response(sidecar.read_bytes(), media_type="application/json")

    def _result(self, request: Request) -> Response:
        job = self._job(request)
        result = job.plan.targets["result"]
        if job.state != "done" or not result.is_file():
            raise IndexError("result")
        return FileResponse(result, media_type="application/octet-stream", filename=result.name)

    def _act(self, request: Request) -> Response:
        actions = {"cancel": self.queue.cancel, "resume": self.queue.go_on, "drop": self._drop}
        action = request.path_params["action"]
        if action not in actions:
            raise IndexError(action)
        actions[action](self._job(request))
        return _json({})

    def _drop(self, job: Job) -> None:
        self.queue.drop(job)
        self.players.forget(job)

    async def _view(self, scope: Any, receive: Any, send: Any) -> None:
        """The player of a job, its pages below `/view/<job>/`."""
        job = self.queue[whole_number(Request(scope), "job")]
        if job.state != "done":
            raise IndexError(job.number)
        pages = await run_in_threadpool(self.players.pages, job)
        await pages(scope, receive, send)


def _rate(text: str | None) -> Fraction | None:
    return None if text is None else told_rate(text)
