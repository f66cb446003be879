"""Many photographs: what belongs together, restoring it in several processes or by Ray, and the report."""

from spikefill.batch.jobs import Job, Unpaired, find_jobs
from spikefill.batch.outcome import Outcome, Status
from spikefill.batch.pool import restore_all
from spikefill.batch.ray_engine import restore_all_on_ray
from spikefill.batch.report import REPORT_NAME, Report
from spikefill.batch.restoring import ModelChoice, RestoreSettings

__all__ = [
    "REPORT_NAME",
    "Job",
    "ModelChoice",
    "Outcome",
    "Report",
    "RestoreSettings",
    "Status",
    "Unpaired",
    "find_jobs",
    "restore_all",
    "restore_all_on_ray",
]
