//! The columns of `ss`: as wide as what stands in them, and on a terminal spread over its width.

/// A column that something is particular about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Column {
    /// Which kind of socket it is.
    Netid = 0,
    /// The state of its connection.
    State = 1,
    /// What options add.
    Ext = 8,
}

/// How many columns there are; behind the named ones stands an empty one.
const COLUMNS: usize = 10;

/// A column's header, what stands in front of it, and whether its contents stand at its right edge.
const LAYOUT: [(&str, &str, bool); COLUMNS] = [
    ("Netid", "", false),
    ("State", " ", false),
    ("Recv-Q", " ", false),
    ("Send-Q", " ", false),
    ("Local Address:", " ", true),
    ("Port", "", false),
    ("Peer Address:", " ", true),
    ("Port", "", false),
    ("Process", "", false),
    ("", "", false),
];

type Line = [String; COLUMNS];

/// A list that is laid out when it is complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    hidden: [bool; COLUMNS],
    /// How many lines there are in any case: the header, if there is one.
    headers: usize,
    lines: Vec<Line>,
}

impl Table {
    /// Leaves out a column in which every line has the same.
    pub(super) fn hide(&mut self, column: Column) {
        self.hidden[column as usize] = true;
    }

    pub(super) fn push_header(&mut self) {
        self.headers += 1;
        self.lines.push(LAYOUT.map(|(header, ..)| header.to_owned()));
    }

    pub(super) fn push(&mut self, cells: [String; COLUMNS - 1]) {
        let mut cells = cells.into_iter();
        self.lines.push(std::array::from_fn(|_| cells.next().unwrap_or_default()));
    }

    /// The list as text, for a terminal of `screen` columns or for none.
    pub(super) fn render(&self, screen: Option<u16>) -> String {
        let mut widths = self.widths(screen.map(usize::from));
        if let Some(screen) = screen {
            spread(&mut widths, screen.into());
        }
        let mut text = String::new();
        for line in &self.lines {
            let mut started = false;
            for (place, cell) in line.iter().enumerate().filter(|(place, _)| !self.hidden[*place]) {
                let (_, delimiter, right) = LAYOUT[place];
                let delimiter = if started { delimiter } else { "" };
                started = true;
                let room = widths[place].saturating_sub(cell.len() + delimiter.len());
                let (before, after) = if right { (room, 0) } else { (0, room) };
                text.push_str(delimiter);
                text.extend(std::iter::repeat_n(' ', before));
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', after));
            }
            text.push('\n');
        }
        text
    }

    /// How wide the columns are: as their longest contents, with the delimiter. What stands last in the
    /// list is not measured: `ss` measures when something follows.
    fn widths(&self, screen: Option<usize>) -> [usize; COLUMNS] {
        let mut first = true;
        std::array::from_fn(|place| {
            let last = self.lines.len().saturating_sub(1).max(self.headers);
            let count = if place == Column::Ext as usize { last } else { self.lines.len() };
            let measured = &self.lines[..count];
            let longest = measured.iter().map(|line| line[place].len()).max().unwrap_or(0);
            if self.hidden[place] || longest == 0 {
                return 0;
            }
            let delimiter = if first { 0 } else { LAYOUT[place].1.len() };
            first = false;
            (longest + delimiter).min(screen.unwrap_or(usize::MAX))
        })
    }
}

/// Breaks lines where the screen ends, and shares what is left of it between the columns of a line.
fn spread(widths: &mut [usize; COLUMNS], screen: usize) {
    let (mut start, mut len, mut count) = (0, 0, 0);
    let mut place = 0;
    while place < COLUMNS {
        if widths[place] > 0 {
            count += 1;
            len += widths[place];
            let is_last = widths[place + 1..].iter().all(|width| *width == 0);
            if is_last || len >= screen {
                if len > screen {
                    len -= widths[place];
                    count -= 1;
                    place -= 1;
                }
                share(&mut widths[start..=place], screen - len, count);
                (start, len, count) = (place + 1, 0, 0);
            }
        }
        place += 1;
    }
}

/// Makes `count` columns wider by `room` in all, the last ones by one more if it does not come out even.
fn share(widths: &mut [usize], room: usize, count: usize) {
    let mut rest = room % count;
    for width in widths.iter_mut().rev().filter(|width| **width > 0) {
        *width += room / count + usize::from(rest > 0);
        rest = rest.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> [String; COLUMNS - 1] {
        let mut words = text.split(',').map(str::to_owned);
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }

    fn list() -> Table {
        let mut table = Table::default();
        table.hide(Column::Netid);
        table.push_header();
        table.push(cells("tcp,LISTEN,0     ,5     ,127.0.0.1:,80,0.0.0.0:,*"));
        table
    }

    /// Seen on iproute2 6.1.0.
    #[test]
    fn without_a_terminal_columns_are_as_wide_as_their_contents() {
        let text = "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\
            LISTEN 0      5          127.0.0.1:80        0.0.0.0:*          \n";
        assert_eq!(list().render(None), text);
    }

    #[test]
    fn what_is_last_in_the_list_is_not_measured() {
        let mut table = list();
        table
            .push(cells("tcp,ESTAB,0     ,0     ,127.0.0.1:,80,127.0.0.1:,5000, users:((\"nc\"))"));
        assert_eq!(table.render(None).lines().next().map(str::len), Some(64));
    }

    /// Seen on iproute2 6.1.0.
    #[test]
    fn on_a_terminal_columns_share_its_width_and_lines_break_where_it_ends() {
        let mut table = Table::default();
        table.hide(Column::Netid);
        table.push_header();
        table.push(cells("tcp,LISTEN,0     ,5     ,127.0.0.1:,80,0.0.0.0:,*"));
        table.push(cells("tcp,ESTAB,0     ,0     ,127.0.0.1:,80,127.0.0.1:,5000"));
        let at = |width| table.render(Some(width));
        assert_eq!(
            at(80),
            "\
State    Recv-Q   Send-Q     Local Address:Port     Peer Address:Port  Process  
LISTEN   0        5              127.0.0.1:80            0.0.0.0:*              
ESTAB    0        0              127.0.0.1:80          127.0.0.1:5000           
"
        );
        assert_eq!(
            at(40),
            "\
State  Recv-Q Send-Q Local Address:Port       Peer Address:Port     Process     
LISTEN 0      5          127.0.0.1:80              0.0.0.0:*                    
ESTAB  0      0          127.0.0.1:80            127.0.0.1:5000                 
"
        );
    }

    #[test]
    fn an_empty_list_without_header_is_no_text() {
        assert_eq!(Table::default().render(Some(80)), "");
    }
}
