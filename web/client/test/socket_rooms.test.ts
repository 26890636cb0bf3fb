import { expect, test } from "vitest";
import { ApiError } from "../src/errors.js";
import { SocketRooms } from "../src/socket_rooms.js";
import { created, EPOCH, opened, ROOM } from "./wire.js";

const POSITION = { room: ROOM, since: 4, epoch: EPOCH };

/** A room that is open on the socket at seq 5. */
function openRooms(): SocketRooms {
  const rooms = new SocketRooms();
  rooms.want("tab", POSITION);
  rooms.hello(1, 0);
  rooms.onFrame(opened(4, 5), EPOCH);
  rooms.onFrame(created(5), EPOCH);
  return rooms;
}

test("a room is requested once, and again on the next socket from where it was", () => {
  const rooms = new SocketRooms();
  rooms.want("tab", POSITION);
  expect(rooms.duePositions(1, 0)).toEqual([POSITION]);
  expect(rooms.duePositions(2, 0)).toEqual([]);
  rooms.onFrame(opened(4, 5), EPOCH);
  rooms.onFrame(created(5), EPOCH);
  expect(rooms.nextDue()).toBe(Infinity);
  expect(rooms.hello(3, 0)).toEqual([{ ...POSITION, since: 5 }]);
});

test("another tab continues an open room from its own position", () => {
  const rooms = openRooms();
  expect(rooms.want("other", { ...POSITION, since: 2 })).toMatchObject({
    from: 2,
    state: "limited",
    resume: 5,
  });
  expect(rooms.want("new", { room: ROOM })).toMatchObject({ from: 5, seq: 5 });
  expect(rooms.want("old", { ...POSITION, epoch: "before the restore" })?.state).toBe("reset");
});

test("a room is closed when no tab wants it any more", () => {
  const rooms = openRooms();
  rooms.want("other", POSITION);
  rooms.unwant("tab", ROOM);
  expect(rooms.roomsToClose()).toEqual([]);
  rooms.unwant("other", ROOM);
  expect(rooms.roomsToClose()).toEqual([ROOM]);
  expect(rooms.roomsToClose()).toEqual([]);
});

test("a refused room is given up, unless the refusal allows another try", () => {
  const rooms = new SocketRooms();
  rooms.want("tab", POSITION);
  rooms.duePositions(1, 0);
  const busy = new ApiError("busy", "later", { retry: "after", retry_after_ms: 10 });
  expect(rooms.onRefused(1, ROOM, busy, 0)).toEqual([]);
  expect(rooms.duePositions(2, 9)).toEqual([]);
  expect(rooms.duePositions(3, 10)).toEqual([POSITION]);
  expect(rooms.onRefused(3, ROOM, new ApiError("too_many", "full"), 10)).toEqual([]);
  expect(rooms.duePositions(4, 40_000)).toEqual([POSITION]);
  expect(rooms.onRefused(4, ROOM, new ApiError("not_found", "none"), 0)).toEqual([ROOM]);
  expect(rooms.nextDue()).toBe(Infinity);
});

test("a void position is replaced by the head", () => {
  const rooms = openRooms();
  rooms.hello(2, 0);
  rooms.onFrame(opened(5, 3, { state: "reset" }), "restored");
  expect(rooms.hello(3, 0)).toEqual([{ room: ROOM, since: 3, epoch: "restored" }]);
});
