"""What stands in for the pictures of pages that no test looks at?"""

from matplotlib.backends import backend_svg


class Undrawn(backend_svg.FigureCanvasSVG):
    """A picture of the right size with nothing in it.

    Pages get their figures, made of their numbers, but matplotlib does not lay them out and write them. That takes
    longer than to train most of the runs here, of which there are a thousand. Files are drawn whole.
    """

    def print_svg(self, file, **how):
        width, height = self.figure.get_size_inches() * 72
        file.write(f'<svg viewBox="0 0 {width} {height}"></svg>')


def undrawn() -> None:
    """From here on, in this process."""
    backend_svg.FigureCanvasSVG = Undrawn  # type: ignore[misc]
