"""What concerns price lists alone."""

from core.modules import READERS, Permission

PERMISSIONS = {
    "pricing:read": Permission("see price lists with their prices, and taxes", READERS),
    "pricing:write": Permission("create price lists and taxes, and set prices"),
}
SUBJECTS = {"price_list": "prl"}
