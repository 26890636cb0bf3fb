"""What is at the page's addresses while it is not built."""

from fastapi.responses import HTMLResponse

from app.http.html_pages import render_page

_BODY = """<h1>The server runs; its page is not built.</h1>
<p>In a checkout of the source, this builds it, and needs a package registry:</p>
<pre>make page</pre>
<p>Then start the server again; <code>make run</code> does both. An installed package has the page
already.</p>
<p>Without the page there are <a href="/docs">the operations</a>,
<a href="/docs/socket">the socket</a> and <a href="/health/ready">the state of the server</a>, and
the terminal chat: <code>python -m app chat --user NAME --room general</code></p>
<p><code>CHAT_WEB__ENABLED=false</code> turns this page off.</p>
"""


def missing_page() -> HTMLResponse:
    return render_page("Chat: the page is not built", _BODY, status=503)
