import asyncio, random, sys, pytest
from tests.realtime.conftest import briefly
from tests.realtime.peer import joined
from tests.realtime.conftest import Own, quick


@pytest.mark.timeout(0)
async def test_stop(cluster_settings):
    rnd = random.Random(1)
    for i in range(400):
        cm = briefly(quick(cluster_settings))
        running = await cm.__aenter__()
        async with running.client() as http:
            own = Own(running, http)
            ada = await own.person()
            bob = await own.person("bob")
            room = await ada.makes_room("private", bob)
            async with joined(bob):
                await ada.says(room, "x")
                await asyncio.sleep(rnd.random() * 0.06)
        t = asyncio.ensure_future(cm.__aexit__(None, None, None))
        done, _ = await asyncio.wait([t], timeout=6)
        if not done:
            print("HANG at", i, file=sys.stderr)
            for task in asyncio.all_tasks():
                c=task.get_coro(); chain=[]
                while c is not None and hasattr(c,'cr_frame') and c.cr_frame:
                    chain.append(f"{c.cr_code.co_name}:{c.cr_frame.f_lineno}"); c=c.cr_await
                chain.append(repr(c)[:80])
                if "cancelling" in repr(task): print("STACK", task.get_name(), chain, file=sys.stderr)
            assert 0
