"""What a module brings to the schema."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Module:
    """A module's part of the graph. ``requires`` names the modules that must be there as well.

    ``query`` and ``mutation`` are types whose fields go to the roots, ``extends`` classes whose fields go to
    types of lower modules, ``nodes`` the prefix of each id to the loader that finds its row.
    """

    name: str
    query: type
    requires: tuple[str, ...] = ()
    mutation: type | None = None
    extends: tuple[type, ...] = ()
    nodes: dict[str, type] = field(default_factory=dict)
    types: tuple[type, ...] = ()
