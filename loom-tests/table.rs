//! The cells of two tasks: every such scenario of the catalogue, on every design of the matrix.
//!
//! A number is that of the executions in which loom ends the cell. One with `>` in front is that after which it is stopped here: none
//! of these has ended within 30 000. `-`: the scenario says nothing of the design.

/// What loom does with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It ends it in that many executions.
    Ended(u64),
    /// It is stopped after that many.
    Stopped(u64),
    /// There is no such cell.
    Silent,
}

const TABLE: &str = "\
                         bkl    sed  split  inner   held exported proposal_bkl proposal spinlock flocks
leaser-reader            599      1    488  >5000   1426     1426          599      488     1426    488
leaser-writer            190      1    157  >5000   1426     1426          190      157     1426    157
leaser-iget              599      1    488  >5000   1426     1426          599      488     1426    488
two-leasers               82      7      7   1298      7        7           17        6        7      7
leaser-unlock             18      7      6     65      6        6           11        6        6      6
upgrade-opener           127      6     64   1495    217      217          102       63      217     82
unlock-break              33      6    221    221     95       95           33      221       95    221
close-break              176     98   1668   1668    660      660          176      660      660   1668
relock-break              23      6     78    426    333      333           23       78      333     79
nonblock-opener          599      1    488  >5000   1426     1426          599      488     1426    488
kernel-leaser             56      9     13   1963     13       13           19       12       13     13
getlease-unlock            4      4      4      4      4        4            4        4        4      4
leaser-enomem            817      1    553  >5000   2538     2538          805      541     2538    228
relock-enomem           1894     12    598   4452    438      438         1338      530      438    168
kernel-leaser-enomem     107    107    107     95   2673     2673           95       95     2673     95
opener-enomem             58     12    246    246    120      120           60      248      120    254
leaser-lsm               315      1    249  >5000   1428     1428          315      249     1428    249
expiry                    63     12    701    701    333      333           63      671      333    701
close-expiry             792    429  20976  20976   9814     9814          792     9814     9814  20976
interrupted-opener        83     12   3245   3245   1541     1541           83     3245     1541   3245
relock                     3      1      3      3      3        3            3        3        3     12
relock-lsm                 5      1      5      5      5        5            5        5        5     18
lister-lsm                33      6     15     51      8        8           23       13        8     15
unlock-enomem              5      6      5      5      5        5            6        6        5      7
setown-break             146      1    113  >5000   1268     1268          146      113     1268    113
newcomer-breaking          5      6      5      5      5        5            5        5        5      5
close-beside               5      5      5      5      5        5            5        5        5      5
two-owners                 6      6      5      5      6        6            5        5        6      5
leaser-truncate          626      1    515  >5000   3100     3100          626      515     3100    515
own-open                   4      4      4      4      4        4            4        4        4      4
overdue-leaser             5      1      5      5      5        5            5        5        5      5
truncate-enomem            7      7      7      7      7        7            7        7        7      7
two-owners-break          12      6      5      5      5        5           12        5        5      5
two-owners-unlock         10      9      9      9      6        6           10        5        6      9
sharers-close            258     78    258    258    258      258          258      258      258    258
sharers-open            1365     78   1326  >5000   3306     3306         1365     1326     3306   1326
sharers-dup              865    209    643   1351    633      633          744      633      633    643
nfsd-break                26     25     25     25     25       25           26       25       25     25
refused-leaser             1      1      1      1      1       13           13       13        1      1
remote-refused          8304      1      -      -  >3000    >3000         2766     2438    >3000      -
remote-delegation       2187   2187      -      -   2187      326          326      326      326      -
remote-loser           >3000      7      -      -  >3000    >3000        >3000    >3000    >3000      -
remote-held             1933      7      -      -      8     1014          387      243      182      -
remote-leaser           2154      1      -      -   1527     1527         2154     1749    >3000      -
remote-unlock          23271      6      -      -   2456    >3000         7471    >3000    >3000      -
remote-close           >3000  19231      -      -  >3000    >3000        >3000    >3000    >3000      -
remote-downgrade        6060      6      -      -   1375    22882         2962     6090    >3000      -
remote-leasers           508      1      -      -    392      392          508      423      147      -
remote-upgrade          3313      1      -      -    827     1523         3313     1579    >3000      -
remote-enomem          >3000      1      -      -   6340     6340        >3000    >3000     7158      -
";

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE.lines().map(|line| line.split_whitespace().collect())
}

/// Its columns.
pub fn designs() -> Vec<&'static str> {
    rows().next().expect("the table has a head")
}

/// Its rows.
pub fn scenarios() -> Vec<&'static str> {
    rows().skip(1).map(|row| row[0]).collect()
}

/// A column: each scenario and its entry.
pub fn of(design: &str) -> Vec<(&'static str, Entry)> {
    let column = designs().iter().position(|name| *name == design).expect("the design has a column");
    rows().skip(1).map(|row| (row[0], entry(row[column + 1]))).collect()
}

fn entry(text: &str) -> Entry {
    let number = |text: &str| text.parse().expect("executions are a number");
    match text.strip_prefix('>') {
        Some(at) => Entry::Stopped(number(at)),
        None if text == "-" => Entry::Silent,
        None => Entry::Ended(number(text)),
    }
}
