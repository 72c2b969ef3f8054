"""The flows that bring boards into service and out of it, each a list of named steps with progress and a verdict."""

from harness.provisioning.developer_claim import DeveloperClaim
from harness.provisioning.flow import Flow, Step, StepReport, Verdict
from harness.provisioning.sim_activation import SimActivation, SimWay
from harness.provisioning.unclaim import Unclaim

__all__ = ["DeveloperClaim", "Flow", "SimActivation", "SimWay", "Step", "StepReport", "Unclaim", "Verdict"]
