"""What a module brings to the schema."""

from dataclasses import dataclass

from core.errors import ErpError
from loaders.kit.one import One


class WrongDeclaration(ErpError):
    """A declaration that can't become a part of the graph: a fault of the code, found when it is imported."""

    code = "CONFIGURATION"


@dataclass(frozen=True)
class Module:
    """A module's part of the graph. ``requires`` names the modules that must be there as well.

    ``query``, ``mutation`` and ``subscription`` are types whose fields go to the roots, ``extends`` classes whose fields go to
    types of lower modules, ``nodes`` the loaders that find a row by its id.
    """

    name: str
    query: type
    requires: tuple[str, ...] = ()
    mutation: type | None = None
    subscription: type | None = None
    extends: tuple[type, ...] = ()
    nodes: tuple[type[One], ...] = ()
    types: tuple[type, ...] = ()
