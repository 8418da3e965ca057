"""Which figures and tables of the paper can be made again?"""

from earlylearn_paper.experiment import Experiment
from earlylearn_paper.figures.figure_1 import FIGURE_1
from earlylearn_paper.figures.figure_2 import FIGURE_2
from earlylearn_paper.figures.figure_a1 import FIGURE_A1
from earlylearn_paper.figures.figure_b1 import FIGURE_B1
from earlylearn_paper.figures.figure_c1 import FIGURE_C1
from earlylearn_paper.figures.figure_d1 import FIGURE_D1
from earlylearn_paper.figures.figure_h1 import FIGURE_H1
from earlylearn_paper.tables.all_methods import ALL_METHODS
from earlylearn_paper.tables.table_1 import TABLE_1
from earlylearn_paper.tables.table_2 import TABLE_2
from earlylearn_paper.tables.table_3 import TABLE_3
from earlylearn_paper.tables.table_4 import TABLE_4
from earlylearn_paper.tables.table_5 import TABLE_5
from earlylearn_paper.tables.table_i1 import TABLE_I1

_FIGURES = (FIGURE_1, FIGURE_2, FIGURE_A1, FIGURE_B1, FIGURE_C1, FIGURE_D1, FIGURE_H1)
_TABLES = (TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5, TABLE_I1, ALL_METHODS)

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in _FIGURES + _TABLES}
