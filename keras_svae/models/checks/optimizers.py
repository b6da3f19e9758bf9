"""What optimizers a model refuses."""

import difflib

import keras


def optimizer_names(players) -> list[str]:
    """The arguments that `compile` wants, each once."""
    return [
        f"{name}=…" for name in dict.fromkeys(p.optimizer for p in players.values())
    ]


def optimizers(given: dict, players) -> dict[str, keras.optimizers.Optimizer]:
    """The optimizers by name; raises on a missing, unknown or shared one."""
    wanted = {player.optimizer: name for name, player in reversed(players.items())}
    wanted = {name: wanted[name] for name in reversed(wanted)}
    unknown = [name for name, one in given.items() if name not in wanted and one]
    if unknown:
        near = difflib.get_close_matches(unknown[0], wanted, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TypeError(
            f"Expected arguments of compile among {list(wanted)}; received: "
            f"{unknown[0]!r}.{hint}"
        )
    found = {}
    for name, player in wanted.items():
        if given.get(name) is None:
            raise ValueError(
                f"Expected an optimizer for the player {player!r}, "
                f"compile({name}=keras.optimizers.Adam(...)); received: none"
            )
        one = keras.optimizers.get(given[name])
        if any(one is other for other in found.values()):
            raise ValueError(
                "Expected an optimizer of its own for each player; received: the same "
                f"object as {name!r} and before"
            )
        if one.use_ema:
            raise ValueError(
                "Expected compile(ema=...), which averages the weights of all players; "
                f"received: use_ema=True in {name!r}"
            )
        found[name] = one
    return found
