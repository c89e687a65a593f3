"""Export a subset with its duties: plan, transfer, write, publish."""

from .plan import Plan, Request
from .run import draft, export, settle_interrupted
from .transfer import ImageMode

__all__ = ["ImageMode", "Plan", "Request", "draft", "export", "settle_interrupted"]
