import { useEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { complain } from "../state/errors";

export interface PickerProperties {
  readonly anchor: Element;
  readonly onPick: (emoji: string) => void;
  readonly onClose: () => void;
}

/** The picker's code and its data are loaded when it is first opened. */
export function EmojiPicker(properties: PickerProperties) {
  const [Picker, setPicker] = useState<ComponentType<PickerProperties> | null>(null);
  useEffect(() => {
    import("./picker").then(
      (module) => setPicker(() => module.Picker),
      (error: unknown) => {
        complain(error);
        properties.onClose();
      },
    );
  }, []);
  return Picker === null ? null : <Picker {...properties} />;
}
