"""Groups of commands that say what there is when one is misspelt."""

from __future__ import annotations

import difflib

import click


class Commands(click.Group):
    """A group that names its commands, the likeliest first, where the one asked for is not among them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of these arguments; a usage error where there is none."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint} Commands: {', '.join(known)}.")
        return super().resolve_command(ctx, args)
