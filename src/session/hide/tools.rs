//! Which tool a run of arguments is for, as far as the names of channels tell.

use ahash::HashMap;

/// Calls remembered in one exchange: far more than a model makes in one answer.
const CALLS: usize = 1024;
/// Bytes of a name. A longer one is none of the policy's.
const NAME_BYTES: usize = 256;

/// The names of the tools that an answer calls, by the channel's name up to what differs.
///
/// `choices[0].delta.tool_calls[1].function.name` and `….arguments`; `content[1].name` and
/// `content[1].input`.
#[derive(Debug, Default)]
pub(super) struct Tools {
    names: HashMap<String, Vec<u8>>,
}

impl Tools {
    /// Reads the next bytes of a channel, which may be the name of a tool.
    pub(super) fn read(&mut self, channel: &str, text: &[u8]) {
        let Some(call) = channel.strip_suffix(".name") else {
            return;
        };
        if let Some(name) = self.names.get_mut(call) {
            if name.len() <= NAME_BYTES {
                name.extend_from_slice(text);
            }
        } else if self.names.len() < CALLS {
            self.names.insert(call.to_owned(), text.to_vec());
        }
    }

    /// The tool that the arguments in `channel` are for. Where the name comes after them there is none yet.
    pub(super) fn of_arguments(&self, channel: &str) -> Option<&str> {
        let call = channel.strip_suffix(".arguments").or_else(|| {
            // `content[1].input`, or a member of it in a whole answer: `content[1].input.to[0]`.
            let (call, rest) = channel.split_once(".input")?;
            matches!(rest.bytes().next(), None | Some(b'.' | b'[')).then_some(call)
        })?;
        self.names
            .get(call)
            .and_then(|name| std::str::from_utf8(name).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::Tools;

    #[track_caller]
    fn check(read: &[(&str, &str)], channel: &str, tool: Option<&str>) {
        let mut tools = Tools::default();
        for (channel, text) in read {
            tools.read(channel, text.as_bytes());
        }
        assert_eq!(tools.of_arguments(channel), tool, "{channel}");
    }

    #[test]
    fn arguments_belong_to_the_name_beside_them() {
        let call = "choices[0].delta.tool_calls[1].function";
        let (name, arguments) = (format!("{call}.name"), format!("{call}.arguments"));
        check(
            &[(&name, "send_"), (&name, "mail")],
            &arguments,
            Some("send_mail"),
        );
        let other = arguments.replace("[1]", "[2]");
        check(&[(&name, "send_mail")], &other, None);
        check(
            &[("content[1].name", "mail")],
            "content[1].input",
            Some("mail"),
        );
        check(
            &[("content[1].name", "mail")],
            "content[1].input.to[0]",
            Some("mail"),
        );
        check(&[("content[1].name", "mail")], "content[1].inputs", None);
        check(&[("content[1].name", "mail")], "content[2].input", None);
        check(&[], &arguments, None);
    }
}
