"""Errors carry a stable code, and the way to what is wrong."""

from core import errors


def test_each_has_its_code() -> None:
    codes = {cls.__name__: cls.code for cls in errors.ErpError.__subclasses__() if cls.__module__ == "core.errors"}
    assert codes == {
        "BadInput": "BAD_USER_INPUT",
        "LimitExceeded": "LIMIT_EXCEEDED",
        "Unauthenticated": "UNAUTHENTICATED",
        "Forbidden": "FORBIDDEN",
        "Unavailable": "UNAVAILABLE",
        "Timeout": "TIMEOUT",
    }


def test_the_path_grows_from_within() -> None:
    error = errors.BadInput("No.", path=("eq",)).below("or", 2).below("where")
    assert (error.path, str(error), error.message) == (("where", "or", 2, "eq"), "No.", "No.")
    assert isinstance(error, errors.BadInput)
