"""`factory preview-layout`: a layout in many sizes with sample content, for those who design it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory.cli.options import Json, print_json

if TYPE_CHECKING:
    from factory.cli.layout_sheet.choose import Choice
    from factory.images.layouts.load import Layout
    from factory.storage.store import Store

_CONTENTS = "short, long, german, cjk, arabic, hindi, emoji, no-price, no-picture, card"


def preview_layout(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Layouts: HTML files, or folders of them; paths or s3://.")
    ],
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Folder or s3://bucket/prefix that the PNGs go to.")
    ] = "out/layouts",
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", metavar="WxH", help="A size such as 1200x628; repeat it. Default: the common ones."),
    ] = None,
    contents: Annotated[
        list[str] | None,
        typer.Option("--content", metavar="NAME", help=f"Repeat it: {_CONTENTS}, or all. Default: short."),
    ] = None,
    colorways: Annotated[
        list[str] | None,
        typer.Option(
            "--colorway", metavar="NAME", help="A colourway of the sample brand, or all. Default: its first."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw layouts in many sizes with sample content: a PNG each, one sheet a layout, and what is wrong.

    Exit codes: 0 drawn, whatever is wrong with what was drawn, 2 bad layout or arguments.
    """
    from factory.cli.layout_sheet.choose import choose
    from factory.images.layouts.load import load_layouts
    from factory.storage.store import Store

    choice = choose(sizes or [], contents or [], colorways or [])
    store = Store(out)
    drawn = [_draw(layout, choice, store) for layout in load_layouts(files, ".")]
    if as_json:
        print_json({"out": store.uri, "layouts": drawn})


def _draw(layout: "Layout", choice: "Choice", store: "Store") -> dict[str, Any]:
    """Draw one layout into `store`, print a line for each picture, and return the same as data."""
    from factory.cli.layout_sheet.draw import draw_previews, draw_sheet, encode_png, list_sizes, make_thumbnail

    fitting = set(list_sizes(layout, choice))
    left_out = [f"{width}x{height}" for width, height in choice.sizes if (width, height) not in fitting]
    if left_out:
        aspects = ", ".join(layout.meta.aspects)
        typer.echo(f"{layout.name}: not drawn in {', '.join(left_out)}: its aspects are {aspects}")
    thumbnails, found = {}, []
    for preview in draw_previews(layout, choice):
        typer.echo(f"{preview.name}: {preview.note}")
        for fault in preview.faults:
            typer.echo(f"    FAILS {fault}")
        if preview.pixels is not None:
            thumbnails[preview.name] = make_thumbnail(preview.pixels)
            store.write_bytes(f"{preview.name}.png", encode_png(preview.pixels))
        drawn = preview.pixels is not None
        found.append({"name": preview.name, "drawn": drawn, "note": preview.note, "faults": preview.faults})
    sheet = f"{layout.name}-sheet.png" if thumbnails else ""
    if sheet:
        store.write_bytes(sheet, encode_png(draw_sheet(thumbnails)))
        typer.echo(store.locate(sheet))
    return {"layout": layout.name, "sheet": sheet, "previews": found}
