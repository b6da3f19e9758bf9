"""What a model shows of itself: `repr(model)` and `model.summary()`."""

import math
import textwrap

import keras
from absl import logging

from keras_svae.game.compiling import Compiling
from keras_svae.game.player import trained_in

__all__ = ["Printed"]


class Printed(Compiling):
    """Says which laws, shapes and players a model has, and how large they are."""

    def described(self) -> list[str]:
        """Shapes and laws of this kind of model, a few words each."""
        return []

    def __repr__(self) -> str:
        try:
            return f"<{self._line()}>"
        except AttributeError:  # the constructor has not ended
            return f"<{type(self).__name__}, not built>"

    def _line(self) -> str:
        played = ", ".join(
            f"{name} ({player.networks})"
            + (f" {self.turns[name]} turns" if self.turns[name] != 1 else "")
            for name, player in self.players.items()
        )
        state = f"compiled, step {self.step}" if self.compiled else "not compiled"
        parts = [*self.described(), f"players {played}", state]
        return f"{type(self).__name__} {self.name}: {'; '.join(parts)}"

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn=None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range=None,
    ) -> None:
        """Prints Keras's table of the networks, and what each player trains.

        The arguments are Keras's. The table calls a network by its own name; the lines
        below it call it by its role, and count trainable parameters.
        """
        show = print_fn
        if show is None:
            keras_prints = keras.config.is_interactive_logging_enabled()
            show = print if keras_prints else logging.info
        width = line_length or 80
        for line in textwrap.wrap(self._line(), width):
            show(line)
        super().summary(
            line_length=line_length,
            positions=positions,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )
        for line in self._sizes():
            for part in textwrap.wrap(line, width, subsequent_indent="   "):
                show(part)

    def _sizes(self) -> list[str]:
        """For each player, its optimizer and networks with their trainable weights."""
        lines = []
        for name, player in self.players.items():
            optimizer = getattr(self, player.optimizer, None)
            how = f" ({type(optimizer).__name__})" if optimizer is not None else ""
            sizes, total = [], 0
            for role in player.networks.split():
                network = getattr(self, role)
                if network is None:
                    continue
                count = sum(math.prod(one.shape) for one in trained_in(network))
                own = getattr(network, "name", role)
                called = role if own == role else f"{role} [{own}]"
                sizes.append(f"{called} {count:,}")
                total += count
            together = f" = {total:,}" if len(sizes) > 1 else ""
            lines.append(f" Player {name}{how} trains {' + '.join(sizes)}{together}")
        return lines + self._how_compiled()

    def _how_compiled(self) -> list[str]:
        """What `compile` chose or was told, where it is not what it is by default."""
        if not self.compiled or (
            self._asked_for_xla is False and self.steps_per_execution == 1
        ):
            return []
        how = "with XLA" if self.jit_compile else "without XLA"
        if self._asked_for_xla == "auto":
            how += f" ('auto': {self._why_xla})"
        count = self.steps_per_execution
        several = "1 step" if count == 1 else f"{count} steps"
        return [f" A call of the graph: {several} {how}"]
