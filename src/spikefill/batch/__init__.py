"""Many photographs: what belongs together, restoring all of it in several processes, and the report."""

from spikefill.batch.jobs import Job, Unpaired, find_jobs
from spikefill.batch.outcome import Outcome, Status
from spikefill.batch.pool import ModelChoice, restore_all
from spikefill.batch.report import REPORT_NAME, Report

__all__ = [
    "REPORT_NAME",
    "Job",
    "ModelChoice",
    "Outcome",
    "Report",
    "Status",
    "Unpaired",
    "find_jobs",
    "restore_all",
]
