"""ethtool features of a dump as the topology says them, and what is left to defaults."""

from __future__ import annotations

from collections.abc import Mapping

from csumlab.host.dump import Notes
from csumlab.host.settings import Feature
from csumlab.host.written import Draft
from csumlab.topology.knobs import SHORT_FEATURES
from csumlab.topology.model import DeviceKind
from csumlab.topology.options import FEATURES, GRO, SCTP, SCTP_CUTS
from csumlab.topology.presets import PRESETS


def features_for(draft: Draft, name: str, kind: DeviceKind, told: Mapping[str, Feature], notes: Notes) -> dict[str, bool]:
    """The features of one device that ethtool told of. One that is fixed in the preset is left to it: where the kernel of the dump differs
    there, that is a warning. What is fixed in the kernel stands beside the key."""
    preset = PRESETS[draft.preset]
    fixed, default = preset.fixed_in(kind), preset.features.get(kind, frozenset())
    values = {feature: told[feature] for feature in FEATURES if feature in told}
    group = told.get("tx-checksumming")
    if group is not None and not group.on and not any(feature in told for feature in SHORT_FEATURES["tx"]):
        # ethtool before 3.3 prints the group only.
        values |= {feature: Feature(False, group.fixed) for feature in SHORT_FEATURES["tx"]}
    found: dict[str, bool] = {}
    differing = []
    for feature, value in values.items():
        if feature in (SCTP, SCTP_CUTS) and value.on == (feature in default):
            continue  # Few cards make CRCs: what is as usual is worth no word.
        if feature not in fixed:
            found[feature] = value.on
        elif value.on != (feature in default) and feature != GRO:
            # Every device says that its GRO is on (net/core/dev.c register_netdevice), also those whose packets never pass it.
            differing.append(f"{feature} {'on' if value.on else 'off'}")
    if differing:
        notes.warn(f"{draft.name}:{name}: {', '.join(differing)} in the dump, but fixed otherwise in a {kind.value} of {draft.preset}")
    if found:
        held = [feature for feature, value in values.items() if value.fixed]
        draft.key_notes[name, "features"] = "ethtool -k" + (f"; fixed: {', '.join(held)}" if held else "")
    elif not values:
        tell_defaults(draft, name, kind)
    return found


def tell_defaults(draft: Draft, name: str, kind: DeviceKind) -> None:
    """Say what a device has because nothing else is known."""
    default = PRESETS[draft.preset].features.get(kind, frozenset())
    draft.note(
        name, f"default: features of a {kind.value} of {draft.preset}: {', '.join(f for f in FEATURES if f in default) or 'none'} on"
    )
