// Stands in the page's head before Gradio's own scripts run: Gradio builds its address from the request's Host, which a forwarder
// may have rewritten; the visitor's browser knows where the page is.
window.gradio_config.root = new URL(".", location.href).href.replace(/\/$/, "");
