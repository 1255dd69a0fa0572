"""Owns the templates of e-mails: those in the folder of LINKUP_TEMPLATES take precedence."""

import traceback
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    pass_context,
    pass_eval_context,
    select_autoescape,
)
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from markupsafe import Markup, escape

from services.notify.channels.language import Language, Languages
from services.notify.ladder.content import Content
from shared.errors import SettingError
from shared.settings import Settings

SHIPPED = Path(__file__).parent.parent / "templates"
LOCALES = "locales"
FORMS = (".txt", ".html")

# What the expressions of a template may raise.
FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Files(Environment):
    """Gives each template a dictionary of the globals. Jinja's own ChainMap is copied by Python
    code for each e-mail."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class Templates:
    """Raises SettingError for what cannot be used."""

    def __init__(self, settings: Settings) -> None:
        folders = [SHIPPED, *_own(settings.templates)]
        self.languages = Languages(folder / LOCALES for folder in folders)
        self._files = Files(
            loader=FileSystemLoader(folders[::-1]),
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._pair = cache(self._found)
        self._files.globals["say"] = _say
        self._files.filters["isolate"] = _isolate

    def render(
        self, language: Language, content: Content, shown: dict[str, Any]
    ) -> tuple[str, str]:
        """The plain text and the HTML."""
        values = {**shown, "language": language}
        plain, html = self._pair(str(type(content).__struct_config__.tag))
        return plain.render(values), html.render(values)

    def _found(self, kind: str) -> tuple[Template, Template]:
        plain, html = (self._files.get_template(f"{kind}{form}") for form in FORMS)
        return plain, html


def _own(folder: str) -> list[Path]:
    """The folder of the deployment, if there is one, with nothing in it that replaces nothing."""
    if not folder:
        return []
    if not Path(folder).is_dir():
        raise SettingError(f"LINKUP_TEMPLATES={folder} is not a folder")
    known = {file.name for file in SHIPPED.iterdir()}
    for file in sorted(Path(folder).iterdir()):
        if file.name not in known and file.suffix in FORMS and not file.name.startswith("_"):
            raise SettingError(
                f"LINKUP_TEMPLATES: {file} replaces no template; name it as one of "
                f"{', '.join(sorted(known))}, or _{file.name} if others include it"
            )
    return [Path(folder)]


def told(error: Exception) -> str:
    """The place in the template, where the error has it."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name}, line {error.lineno}: {error.message}"
    frames = traceback.extract_tb(error.__traceback__)
    last = next((one for one in reversed(frames) if Path(one.filename).suffix in FORMS), None)
    place = f"{last.filename}, line {last.lineno}: " if last else ""
    return f"{place}{error}"


@pass_context
def _say(context: Context, key: str, count: int | None = None, **values: str) -> str:
    """The words of the catalogue. In HTML, they and the values are text, as everything is."""
    language: Language = context["language"]
    if not context.eval_ctx.autoescape:
        return language.say(key, count, **values)
    # As Markup.format would, which is written in Python and takes a third of the whole e-mail.
    shown = {name: str(escape(value)) for name, value in values.items()}
    text = str(escape(language.text(key, count)))
    return Markup(text.format(count=language.number(count), **shown))


@pass_eval_context
def _isolate(context: EvalContext, name: str) -> str:
    """Isolate a name: one in another direction would reorder the words around it."""
    return Markup(f"<bdi>{escape(name)}</bdi>") if context.autoescape else name
