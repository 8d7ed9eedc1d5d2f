"""A breadth-first executor for Strawberry: each field resolved once for all objects of its level.

See README.md in this folder. It knows Strawberry and graphql-core, and nothing of any domain.
"""

from execution.documents.deprecations import Deprecations
from execution.documents.limits import DocumentLimitExceeded, Limits
from execution.documents.places import node_at, variable_at
from execution.documents.pricing import USUAL, Dearest, Price
from execution.documents.store import Document, Documents
from execution.executor import BreadthFirstExecutor
from execution.fields import POINT, Args, Batch, BatchField, ByRows, Shared, argument, number
from execution.meter import Meter
from execution.plan import FieldPlan, SelectionPlan
from execution.schema import ExtensibleSchema, extends
from execution.trace import Trace

__all__ = [
    "POINT",
    "USUAL",
    "Args",
    "Batch",
    "BatchField",
    "BreadthFirstExecutor",
    "ByRows",
    "Dearest",
    "Deprecations",
    "Document",
    "DocumentLimitExceeded",
    "Documents",
    "ExtensibleSchema",
    "FieldPlan",
    "Limits",
    "Meter",
    "Price",
    "SelectionPlan",
    "Shared",
    "Trace",
    "argument",
    "extends",
    "node_at",
    "number",
    "variable_at",
]
