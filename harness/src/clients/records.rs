//! The TLS records of one direction, as far as they are known from outside.

/// The kinds of records.
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// In TLS 1.3 an alert is application data from outside: two bytes, their type and a tag.
const SEALED_ALERT: usize = 2 + 1 + 16;

/// The records of one end.
#[derive(Debug, Default)]
pub(super) struct Records {
    unfinished: Vec<u8>,
    cipher_changed: bool,
    shaken_hands: bool,
    requested: bool,
}

impl Records {
    /// The records that are complete with these bytes, but for alerts: the one that a client sends
    /// when all is well is close_notify.
    pub(super) fn without_alerts(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.unfinished.extend_from_slice(bytes);
        let mut passed = Vec::new();
        while let [kind, _, _, high, low, ..] = *self.unfinished.as_slice() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if self.unfinished.len() < 5 + length {
                break;
            }
            let record: Vec<u8> = self.unfinished.drain(..5 + length).collect();
            let is_alert = kind == ALERT || (kind == APPLICATION_DATA && length == SEALED_ALERT);
            if !is_alert {
                self.sees(kind);
                passed.extend_from_slice(&record);
            }
        }
        passed
    }

    /// Whether an alert is complete with these bytes, and whether there is more than that in them.
    pub(super) fn alert_and_more(&mut self, bytes: &[u8]) -> (bool, bool) {
        let before = self.unfinished.len() + bytes.len();
        let passed = self.without_alerts(bytes).len();
        let left = self.unfinished.len();
        (passed + left < before, passed + left > 0)
    }

    /// Whether more than a handshake was among them.
    pub(super) fn have_request(&self) -> bool {
        self.requested
    }

    /// A handshake ends with the client's Finished: in TLS 1.2 a record of the handshake after the
    /// change of ciphers, in TLS 1.3 the first that looks like application data.
    fn sees(&mut self, kind: u8) {
        match kind {
            CHANGE_CIPHER_SPEC => self.cipher_changed = true,
            HANDSHAKE if self.cipher_changed => self.shaken_hands = true,
            APPLICATION_DATA if self.shaken_hands => self.requested = true,
            APPLICATION_DATA => self.shaken_hands = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, length: u8) -> Vec<u8> {
        let mut record = vec![kind, 3, 3, 0, length];
        record.resize(5 + usize::from(length), kind);
        record
    }

    #[test]
    fn alerts_are_held_back_and_records_kept_whole() {
        let data = record(APPLICATION_DATA, 40);
        let (first, rest) = data.split_at(7);
        let mut records = Records::default();
        assert_eq!(records.without_alerts(first), b"");
        assert_eq!(records.without_alerts(rest), data);
        assert_eq!(records.without_alerts(&record(APPLICATION_DATA, 19)), b"");
        assert_eq!(records.without_alerts(&record(ALERT, 2)), b"");
        let alert = record(ALERT, 2);
        assert_eq!(records.alert_and_more(&data), (false, true));
        assert_eq!(records.alert_and_more(first), (false, true));
        assert_eq!(records.alert_and_more(rest), (false, true));
        assert_eq!(records.alert_and_more(&alert), (true, false));
        assert_eq!(
            records.alert_and_more(&[data, alert].concat()),
            (true, true)
        );
    }

    #[test]
    fn a_handshake_is_no_request() {
        let hello = record(HANDSHAKE, 200);
        let change = record(CHANGE_CIPHER_SPEC, 1);
        let with_1_2 = [
            hello.clone(),
            record(HANDSHAKE, 37),
            change.clone(),
            record(HANDSHAKE, 40),
        ];
        let with_1_3 = [hello, change, record(APPLICATION_DATA, 53)];
        for handshake in [&with_1_2[..], &with_1_3[..]] {
            let mut records = Records::default();
            records.without_alerts(&handshake.concat());
            records.without_alerts(&record(APPLICATION_DATA, 19));
            assert!(!records.have_request());
            records.without_alerts(&record(APPLICATION_DATA, 80));
            assert!(records.have_request());
        }
    }
}
