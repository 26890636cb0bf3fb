import { t } from "../i18n";
import { PanelFrame } from "./host";

type Line = readonly [text: string, ...keys: string[]];

export function ShortcutsPanel() {
  const sections: readonly (readonly [string, readonly Line[]])[] = [
    [
      t("everywhere"),
      [
        [t("find_or_jump"), "Ctrl", "K"],
        [t("search_messages"), "Ctrl", "Shift", "F"],
        [t("next_room"), "Alt", "↓"],
        [t("previous_room"), "Alt", "↑"],
        [t("next_unread_room"), "Alt", "Shift", "↓"],
        [t("shortcuts"), "Ctrl", "/"],
        [t("preferences"), "Ctrl", ","],
        [t("close_panel"), "Esc"],
      ],
    ],
    [
      t("writing"),
      [
        [t("send"), "Enter"],
        [t("new_line_in_text"), "Shift", "Enter"],
        [t("edit_last"), "↑"],
        [t("bold"), "Ctrl", "B"],
        [t("italic"), "Ctrl", "I"],
        [t("code"), "Ctrl", "E"],
        [t("code_block"), "Ctrl", "Shift", "C"],
        [t("mention_somebody"), "@"],
        [t("emoji"), ":"],
        [t("commands"), "/"],
      ],
    ],
    [
      t("reading"),
      [
        [t("move_among_messages"), "↑", "↓"],
        [t("reply"), "R"],
        [t("reply_in_thread"), "T"],
        [t("edit"), "E"],
        [t("save_for_later"), "S"],
        [t("delete"), "Delete"],
      ],
    ],
  ];
  return (
    <PanelFrame title={t("shortcuts")}>
      <div class="panel-body" tabIndex={0}>
        {sections.map(([title, lines]) => (
          <section class="panel-section" key={title}>
            <h3>{title}</h3>
            <dl class="keys">
              {lines.map(([text, ...keys]) => (
                <>
                  <dt>{text}</dt>
                  <dd>
                    {keys.map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dd>
                </>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </PanelFrame>
  );
}
