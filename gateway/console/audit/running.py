"""Jobs as pages show them, and the stream that says that one has gone on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH
from gateway.console.frame.errors import problem_of
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.jobs import Job
from gateway.console.frame.shapes import Banner
from gateway.console.visits.door import Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.language.languages import Language
from gateway.language.sentences import refusal


@dataclass(frozen=True, slots=True)
class JobView:
    """A job that runs (`all` is 0 while it is not known how much there is), or how it failed."""

    done: int
    all: int
    failed: Banner | None = None


def job_view(job: Job | None, language: Language) -> JobView | None:
    """Return a job that runs or has failed; None for one that has its result, and where there is none."""
    if job is None:
        return None
    failed = None
    if job.error is not None:
        problem = problem_of(job.error, language)
        lines: Sequence[str] = [line for line in (problem.remedy, job.error.code) if line]
        failed = Banner(problem.text, tuple(lines), "danger")
    elif job.is_over:
        return None
    return JobView(job.done, job.all, failed)


def job_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the route of the stream."""

    async def follow(visit: Visit) -> Response:
        job = parts.jobs.require(visit.officer.person, visit.part("job"))
        return StreamingResponse(merged_changes([parts.jobs.follow(job)]), media_type=EVENT_STREAM)

    return [door.get(f"{PATH}/jobs/{{job}}/events", follow, ROLES)]


def reason_of(code: str, language: Language) -> str:
    """Return the reason of a refusal in words, with its code."""
    text = refusal(code, "", language)
    return f"{text} ({code})" if text and text != code else code
