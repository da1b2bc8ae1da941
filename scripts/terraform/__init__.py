"""Terraform: its process, its events, its plans, and the directory that it runs in."""

from scripts.terraform.adapter import SavedPlan, Terraform, as_environment
from scripts.terraform.plan import Action, Plan, ResourceChange

__all__ = ["Action", "Plan", "ResourceChange", "SavedPlan", "Terraform", "as_environment"]
