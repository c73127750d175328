"""The charts of a report: computed once, drawn by the page and by the figure files alike.

`forest`, `spread`, `classes` and `curves` turn numbers into the charts of `chart`: marks at
percent of an axis, and text. templates/charts.html draws such a chart on the page, `figures` as
SVG and PNG; neither knows what it means.
"""
