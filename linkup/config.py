"""Owns `linkup config`: the effective settings, and their origins."""

import click
from rich.console import Console
from rich.table import Table

from linkup.installation.terminal import print_json
from linkup.options import config_option
from shared.settings import in_force, load, origins, variable


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def config(config: str | None, as_json: bool) -> None:
    """Print all settings, and where each value comes from. Secrets are masked.

    What `linkup run` adds by itself, such as a secret and the demo login, is not shown.
    """
    rows = {
        name: {"value": value, "from": "default"}
        for name, value in in_force(load(file=config)).items()
    }
    for name, origin in origins(file=config).items():
        rows[name]["from"] = origin
    if as_json:
        print_json(rows)
    else:
        _show(rows)


def _show(rows: dict[str, dict[str, object]]) -> None:
    table = Table("setting", "value", "from", box=None, header_style="bold", pad_edge=False)
    for name, row in rows.items():
        table.add_row(variable(name), _text(row["value"]), str(row["from"]))
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple() | list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
