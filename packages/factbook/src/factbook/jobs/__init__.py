"""Jobs: work in the background or in the foreground, each transition a fact, nothing stuck when a process dies."""

from factbook.jobs.model import Handler, Job, JobControl, JobPage, OnProgress, Progress, Step, Written
from factbook.jobs.service import Jobs

__all__ = ["Handler", "Job", "JobControl", "JobPage", "Jobs", "OnProgress", "Progress", "Step", "Written"]
