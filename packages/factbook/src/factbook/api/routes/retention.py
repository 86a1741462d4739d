"""``/retention`` and ``/compact``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import PolicyReader, ServerAdmin, TenantAdmin
from factbook.api.openapi import answers as described
from factbook.api.parameters import House
from factbook.api.schemas import PolicyList
from factbook.history import HistoryPlan
from factbook.jobs import Job

router = APIRouter(tags=["retention"])

_QUEUED = described(Job, "The job, queued. `Location` leads to it.", status=202, errors=(415, 501))


@router.get("/retention", responses=described(PolicyList, "The policy in force for each kind."))
def list_policies(house: House, rooms: PolicyReader) -> Response:
    """List how long each kind stays. An admin of the tenant sets one by storing a record of the kind `retention_policy`."""
    return answers.json(PolicyList(house.history.policies(rooms.tenant)))


@router.get("/retention/plan", responses=described(HistoryPlan, "What is due now.", errors=(501,)))
def plan(house: House, rooms: TenantAdmin) -> Response:
    """Say what applying retention would archive and drop now."""
    return answers.json(house.history.plan(rooms.tenant))


@router.post("/retention/apply", status_code=202, responses=_QUEUED)
def apply(request: Request, house: ServerAdmin) -> Response:
    """Drop and archive in the background what is due by the policies of every tenant."""
    return _queue(request, house.history.submit(house.jobs, "retention", trigger="api"))


@router.post("/compact", status_code=202, responses=_QUEUED)
def compact(request: Request, house: ServerAdmin) -> Response:
    """Archive in the background what is old; nothing is dropped."""
    return _queue(request, house.history.submit(house.jobs, "compact", trigger="api"))


def _queue(request: Request, job: Job) -> Response:
    request.state.job_id = job.job_id
    return answers.json(job, status=202, location=answers.under_same_prefix(request, f"/jobs/{job.job_id}"))
