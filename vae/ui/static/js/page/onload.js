// Gradio runs this text as a function body for every part and finds a part's own events by their quoted names here: 'fetch_images' 'cancel_fetch'
import(new URL(props.boot, document.baseURI)).then(
  (boot) => boot.mount(element.querySelector("[data-part]"), { props, server, trigger, watch }),
  (fault) => {
    const text = element.querySelector(".part__waiting");
    if (text) text.textContent = "This part of the page could not be loaded. Reload the page.";
    console.error(fault);
  },
);
