import { useMemo } from "preact/hooks";

const PRESS_MS = 450;
const SLACK_PX = 10;

/** Touch handlers that call `run` when a finger rests. */
export function useLongPress(run: () => void): Record<string, (event: PointerEvent) => void> {
  return useMemo(() => {
    let timer = 0;
    let x = 0;
    let y = 0;
    const stop = (): void => clearTimeout(timer);
    return {
      onPointerDown(event: PointerEvent) {
        if (event.pointerType !== "touch") return;
        ({ clientX: x, clientY: y } = event);
        stop();
        timer = window.setTimeout(() => {
          run();
          if ("vibrate" in navigator) navigator.vibrate(8);
        }, PRESS_MS);
      },
      onPointerMove(event: PointerEvent) {
        if (Math.hypot(event.clientX - x, event.clientY - y) > SLACK_PX) stop();
      },
      onPointerUp: stop,
      onPointerCancel: stop,
    };
  }, []);
}
