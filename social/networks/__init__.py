"""What each network allows, a file each. The rules are checked when a post is submitted, never left to the
provider."""

from social.networks.checking import LINK_BESIDE, Problem, Shown, check, kind_of, said
from social.networks.limits import NETWORKS, daily_limit, network
from social.networks.links import link_problem
from social.networks.normal_form import fingerprint, normal_form
from social.networks.rules import Network

__all__ = [
    "LINK_BESIDE",
    "NETWORKS",
    "Network",
    "Problem",
    "Shown",
    "check",
    "daily_limit",
    "fingerprint",
    "kind_of",
    "link_problem",
    "network",
    "normal_form",
    "said",
]
