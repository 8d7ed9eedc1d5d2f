"""What concerns price lists alone."""

from core.modules import READERS, Permission

PERMISSIONS = {
    "pricing:read": Permission("see price lists and their prices", READERS),
    "pricing:write": Permission("create price lists and set their prices"),
}
SUBJECTS = {"price_list": "prl"}
